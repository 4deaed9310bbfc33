/* Payloads under an encoding.  The base64 modifier finds a text at all three alignments. */

rule encoded_windows_program
{
    meta:
        id = "yara/encoded-windows-program"
        title = "A Windows program, encoded as text"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/009/"
    strings:
        $stub64 = "This program cannot be run in DOS mode" base64
        $stub16 = "This program cannot be run in DOS mode" base64wide
        $hex = "4d5a90000300000004000000ffff0000b800000000000000" nocase
        $hex_stub = "546869732070726f6772616d2063616e6e6f742062652072756e" nocase
    condition:
        any of them
}

rule encoded_elf
{
    meta:
        id = "yara/encoded-elf"
        title = "A Linux program, encoded as text"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/009/"
    strings:
        /* 7F 'ELF', class, little endian, version 1, OSABI 0 or 3, eight zeros, type 2 or 3 */
        $base64 = /f0VMRg(E|I)BAQ(A|M)AAAAAAAAAAA(I|M)A(A|C|D|P|t|4|L)/
        $hex = /7f454c460[12]010[1]0[03]0000000000000000(02|03)00/ nocase
        $escaped = /\\x7fELF\\x0[12]\\x01\\x01\\x0[03](\\x00|\\0){8}\\x0[23]/ nocase
    condition:
        any of them
}

rule encoded_python_code
{
    meta:
        id = "yara/encoded-python-code"
        title = "Python that runs commands, encoded as base64"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $subprocess = "import subprocess" base64
        $socket = "import socket" base64
        $system = "os.system(" base64
        $import = "__import__('" base64
        $popen = "subprocess.Popen(" base64
        $urlopen = "urllib.request.urlopen(" base64
        $exec = "exec(base64.b64decode(" base64
    condition:
        any of them
}

rule encoded_shell_code
{
    meta:
        id = "yara/encoded-shell-code"
        title = "A shell script, encoded as base64"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $bash = "#!/bin/bash" base64
        $sh = "#!/bin/sh\n" base64
        $tcp = "/dev/tcp/" base64
        $crontab = "| crontab -" base64
        $pipe_sh = /(Y3VybC|d2dldC)[A-Za-z0-9+\/]{12,400}(fCBiYXNo|fGJhc2|wgYmFza|x8IGJhc2|8YmFza)/
    condition:
        any of them
}

rule encoded_powershell
{
    meta:
        id = "yara/encoded-powershell"
        title = "PowerShell commands, encoded as base64 of UTF-16"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $client = "Net.WebClient" wide base64
        $sockets = "Net.Sockets.TCPClient" wide base64
        $download = "DownloadString" wide base64
        $invoke = "Invoke-Expression" wide base64
        $bypass = "Bypass -" wide base64
    condition:
        any of them
}

rule encoded_pickle_call
{
    meta:
        id = "yara/encoded-pickle-call"
        title = "A pickle that calls a dangerous function, encoded as base64"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 502
        reference = "https://docs.python.org/3/library/pickle.html"
    strings:
        $posix = "cposix\nsystem\n" base64
        $os = "cos\nsystem\n" base64
        $nt = "cnt\nsystem\n" base64
        $exec = "cbuiltins\nexec\n" base64
        $eval = "cbuiltins\neval\n" base64
        $exec2 = "c__builtin__\nexec\n" base64
        $eval2 = "c__builtin__\neval\n" base64
        $subprocess = "csubprocess\nPopen\n" base64
        $stacked = "\x8c\x05posix\x94\x8c\x06system" base64
        $stacked2 = "\x8c\x08builtins\x94\x8c\x04e" base64
    condition:
        any of them
}

rule encoded_long_literal
{
    meta:
        id = "yara/encoded-long-literal"
        title = "Python that decodes a very long literal"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $base64 = /\b(b64decode|a2b_base64)\s{0,4}\(\s{0,4}[rb]{0,2}["']{1,3}\s{0,4}[A-Za-z0-9+\/_=-]{512}/
        $hex = /\b(fromhex|unhexlify)\s{0,4}\(\s{0,4}[rb]{0,2}["']{1,3}\s{0,4}[A-Fa-f0-9]{512}/
    condition:
        any of them
}

rule encoded_escapes_executed
{
    meta:
        id = "yara/encoded-escapes-executed"
        title = "Code that runs a literal written in escapes"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $hex = /\b(exec|eval|Function|system)\s{0,4}\(\s{0,4}b?["'](\\{1,2}x[0-9a-fA-F]{2}){16}/
        $chars = /\b(exec|eval)\s{0,4}\(\s{0,4}(["']{2}\.join\s{0,4}\(\s{0,4}(map\s{0,4}\(\s{0,4}chr\b|\[?\s{0,4}chr\s{0,4}\()|chr\s{0,4}\(\s{0,4}[0-9x]{2,4}\s{0,4}\)\s{0,4}\+)/
    condition:
        any of them
}
