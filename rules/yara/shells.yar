/* Reverse shells: a shell whose input and output is a connection to somewhere else. */

rule shell_dev_tcp
{
    meta:
        id = "yara/shell-dev-tcp"
        title = "A shell connected to a network address through /dev/tcp"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/004/"
    strings:
        $redirect = /\b(ba|z|k|da)?sh\s{1,4}(-[a-z]{1,3}\s{1,4}){0,2}[0-9]{0,3}[<>&]{1,3}\s{0,4}\/dev\/(tcp|udp)\/[^\s\/'"]{1,100}\/[0-9$]{1,5}/
        $exec = /\bexec\s{1,4}[0-9]{1,3}<>\s{0,4}\/dev\/(tcp|udp)\/[^\s\/'"]{1,100}\/[0-9$]{1,5}/
    condition:
        any of them
}

rule shell_netcat
{
    meta:
        id = "yara/shell-netcat"
        title = "A shell behind netcat or socat"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/004/"
    strings:
        $exec = /\b(nc|ncat|netcat)(\.exe|\.traditional|\.openbsd)?\s[^\n|;]{0,100}(-[a-z]{0,4}e|-c|--exec|--sh-exec)\s{1,4}['"]?(\/bin\/|\/usr\/bin\/)?(ba|z|da|k)?(sh|cmd|powershell)\b/
        $fifo = /\bmkfifo\s{1,4}[^\s;|&]{1,80}\s{0,4}[;&]{1,2}[^\n]{0,160}\bsh\s{1,4}-i[^\n]{0,80}\|\s{0,4}(nc|ncat|netcat|telnet|openssl)\b/
        $socat = /\bsocat\s[^\n]{0,160}exec:\s{0,2}['"]?(\/bin\/)?(ba|z)?sh\b[^\n]{0,80}(pty|stderr|tcp)/ nocase
        $socat2 = /\bsocat\s[^\n]{0,40}tcp[46]?(-connect)?:[^\n]{1,100}exec:\s{0,2}['"]?(\/bin\/)?(ba|z|da)?sh\b/ nocase
    condition:
        any of them
}

rule shell_python
{
    meta:
        id = "yara/shell-python"
        title = "Python that gives a shell to a socket"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/006/"
    strings:
        $connect = /\.connect\s{0,4}\(\s{0,4}\(\s{0,4}[\\]?["'][^"'\n]{1,100}[\\]?["']\s{0,4},\s{0,4}[0-9]{1,5}\s{0,4}\)/
        $dup = /\bdup2\s{0,4}\(\s{0,4}[A-Za-z_][A-Za-z0-9_]{0,20}\.fileno\s{0,4}\(\s{0,4}\)\s{0,4},\s{0,4}[012a-z]/
        $shell1 = "/bin/sh"
        $shell2 = "/bin/bash"
        $shell3 = "pty.spawn"
        $shell4 = "cmd.exe"
    condition:
        $connect and $dup and any of ($shell*)
}

rule shell_script_languages
{
    meta:
        id = "yara/shell-script-languages"
        title = "A one-line reverse shell in Perl, Ruby, PHP, Lua or Node"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/"
    strings:
        $perl = /\bperl\s{1,4}-[^\n]{0,60}\bSocket\b[^\n]{0,400}\bexec\s{0,4}[\(\{]?\s{0,4}\\?["'](\/bin\/)?(ba)?sh/
        $ruby = /\bruby\s{1,4}-rsocket\s[^\n]{0,60}TCPSocket[^\n]{0,200}(exec|spawn|IO\.popen)/
        $php = /\bfsockopen\s{0,4}\(\s{0,4}\\?["'][^\n]{1,120};\s{0,4}(exec|shell_exec|system|passthru|popen|proc_open|`)[^\n]{0,40}(\/bin\/)?(ba)?sh\b/
        $lua = /\blua[0-9.]{0,4}\s{1,4}-e\s[^\n]{0,80}socket[^\n]{0,200}os\.execute/
        $node = /\brequire\s{0,4}\(\s{0,4}['"]net['"]\s{0,4}\)[^\n]{0,400}\bspawn\s{0,4}\(\s{0,4}['"](\/bin\/)?(ba)?sh/
    condition:
        any of them
}

rule shell_powershell
{
    meta:
        id = "yara/shell-powershell"
        title = "PowerShell that gives itself to a TCP connection"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $client = "Net.Sockets.TCPClient(" nocase
        $stream = ".GetStream()" nocase
        $run1 = /\biex\b/ nocase
        $run2 = "Invoke-Expression" nocase
        $run3 = "cmd.exe" nocase
    condition:
        $client and $stream and any of ($run*)
}

rule shell_machine_code
{
    meta:
        id = "yara/shell-machine-code"
        title = "Machine code that starts a shell"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://man7.org/linux/man-pages/man2/execve.2.html"
    strings:
        /* mov rbx, "/bin//sh" or "/bin/sh\0" ... mov al, 59; syscall */
        $x64 = { 48 B? 2F 62 69 6E 2F (2F 73 68 | 73 68 00) [0-40] (B0 3B | 6A 3B 58 | B8 3B 00 00 00) [0-24] 0F 05 }
        $x64_later = { (B0 3B | 6A 3B 58) [0-8] 48 B? 2F 62 69 6E 2F (2F 73 68 | 73 68 00) [0-40] 0F 05 }
        /* push "//sh"; push "/bin"; ... mov al, 11; int 0x80 */
        $x86 = { 68 2F 2F 73 68 68 2F 62 69 6E 89 E3 [0-24] B0 0B [0-8] CD 80 }
    condition:
        any of them
}

rule shell_attack_framework
{
    meta:
        id = "yara/shell-attack-framework"
        title = "The implant of an attack framework"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/software/"
    strings:
        $meterpreter1 = "stdapi_sys_process_execute"
        $meterpreter2 = "core_channel_open"
        $meterpreter3 = "ReflectiveLoader"
        $meterpreter4 = "metsrv.dll"
        $beacon1 = "%s as %s\\%s: %d"
        $beacon2 = "beacon.x64.dll"
        $beacon3 = "IEX (New-Object Net.Webclient).DownloadString('http://127.0.0.1:%u/')"
        $sliver1 = "sliverpb."
        $sliver2 = "github.com/bishopfox/sliver/"
    condition:
        2 of ($meterpreter*) or 2 of ($beacon*) or all of ($sliver*)
}
