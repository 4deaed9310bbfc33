/* Text that downloads and runs things.  A model is data: such text in one is a payload,
   in its documentation an instruction to look at.  Facts: MITRE ATT&CK T1059, T1105. */

rule download_to_shell
{
    meta:
        id = "yara/download-to-shell"
        title = "Text that downloads something and feeds it to a shell"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $curl = /\bcurl\s[^\n|;]{4,200}\|\s{0,4}(sudo\s{1,4})?(ba|z|da|k)?sh\b/
        $wget = /\bwget\s[^\n|;]{4,200}\|\s{0,4}(sudo\s{1,4})?(ba|z|da|k)?sh\b/
        $substituted = /\b(ba|z|da)?sh\s{1,4}(-c\s{1,4})?["']?(<\(|\$\()(curl|wget)\s[^\n)]{4,200}\)/
    condition:
        any of them
}

rule download_to_interpreter
{
    meta:
        id = "yara/download-to-interpreter"
        title = "Text that downloads something and feeds it to an interpreter"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $pipe = /\b(curl|wget)\s[^\n|;]{4,200}\|\s{0,4}(sudo\s{1,4})?(python[23]?|perl|ruby|php|node)\b/
        $perl = /\bpython[23]?\s{1,4}-c\s{1,4}["']\$\((curl|wget)\s/
    condition:
        any of them
}

rule download_and_run
{
    meta:
        id = "yara/download-and-run"
        title = "A command line that downloads a file, marks it executable and runs it"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $tmp = /\b(curl|wget)\s[^\n]{4,200}\/(tmp|dev\/shm|var\/tmp)\/[^\n]{1,160}\bchmod\s{1,4}(\+x|[0-7]?7[0-7]{2}|a\+x|u\+x)\s[^\n]{0,160}(;|&&)\s{0,4}(nohup\s{1,4})?(\.?\/|(ba)?sh\s)/
    condition:
        $tmp
}

rule powershell_encoded
{
    meta:
        id = "yara/powershell-encoded"
        title = "A PowerShell command line with an encoded command"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $a = /powershell(\.exe)?['"]?\s[^\n]{0,120}-e(nc|ncodedcommand|nco|c)?\s{1,4}['"]?[A-Za-z0-9+\/]{40,}/ nocase
    condition:
        $a
}

rule powershell_download
{
    meta:
        id = "yara/powershell-download"
        title = "PowerShell that runs what it downloads"
        severity = "medium"
        confidence = "high"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $iex = /\b(iex|invoke-expression)\s{0,4}[\("'&$][^\n]{0,80}(downloadstring|downloaddata|invoke-webrequest|invoke-restmethod|\birm\b|\biwr\b|net\.webclient)/ nocase
        $piped = /(downloadstring\([^\n)]{4,200}\)|\b(irm|iwr|invoke-webrequest|invoke-restmethod)\s[^\n|]{4,200})\s{0,4}\|\s{0,4}(iex|invoke-expression)\b/ nocase
    condition:
        any of them
}

rule windows_living_off_the_land
{
    meta:
        id = "yara/windows-living-off-the-land"
        title = "A Windows tool used to download or run foreign code"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1218/"
    strings:
        $certutil = /certutil(\.exe)?\s[^\n]{0,80}-(urlcache|verifyctl)\s[^\n]{0,80}https?:\/\// nocase
        $mshta = /\bmshta(\.exe)?\s{1,4}['"]?(https?:\/\/|javascript:|vbscript:)/ nocase
        $regsvr = /regsvr32(\.exe)?\s[^\n]{0,80}\/i:https?:\/\/[^\n]{4,200}scrobj\.dll/ nocase
        $rundll = /rundll32(\.exe)?\s[^\n]{0,20}javascript:/ nocase
        $bits = /bitsadmin(\.exe)?\s[^\n]{0,40}\/transfer\s[^\n]{0,120}https?:\/\// nocase
    condition:
        any of them
}

rule python_exec_decoded
{
    meta:
        id = "yara/python-exec-decoded"
        title = "Python that runs code it decodes first"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1140/"
    strings:
        $direct = /\b(exec|eval)\s{0,4}\(\s{0,4}(compile\s{0,4}\(\s{0,4})?(base64\s{0,2}\.\s{0,2}(b64|b32|b16|b85|a85|standard_b64|urlsafe_b64)decode|zlib\s{0,2}\.\s{0,2}decompress|bz2\s{0,2}\.\s{0,2}decompress|lzma\s{0,2}\.\s{0,2}decompress|bytes\s{0,2}\.\s{0,2}fromhex|binascii\s{0,2}\.\s{0,2}(unhexlify|a2b_base64)|codecs\s{0,2}\.\s{0,2}decode)\s{0,4}\(/
        $imported = /\b(exec|eval)\s{0,4}\(\s{0,4}(compile\s{0,4}\(\s{0,4})?__import__\s{0,4}\(\s{0,4}['"](base64|zlib|marshal|codecs|binascii|bz2|lzma)['"]/
    condition:
        any of them
}

rule python_exec_download
{
    meta:
        id = "yara/python-exec-download"
        title = "Python that runs code it downloads"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1059/006/"
    strings:
        $requests = /\b(exec|eval)\s{0,4}\(\s{0,4}(compile\s{0,4}\(\s{0,4})?(requests|httpx|urllib3?)\s{0,2}\.\s{0,2}(get|post|request\s{0,2}\.\s{0,2}urlopen|urlopen)\s{0,4}\(/
        $urlopen = /\b(exec|eval)\s{0,4}\(\s{0,4}(compile\s{0,4}\(\s{0,4})?(urllib\.request\.)?urlopen\s{0,4}\(/
        $imported = /\b(exec|eval)\s{0,4}\(\s{0,4}__import__\s{0,4}\(\s{0,4}['"](requests|urllib|urllib\.request|http\.client)['"]/
    condition:
        any of them
}

rule python_inline_import_call
{
    meta:
        id = "yara/python-inline-import-call"
        title = "A Python expression that imports a module and calls into it to run something"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 95
        reference = "https://docs.python.org/3/library/functions.html#import__"
    strings:
        $os = /__import__\s{0,4}\(\s{0,4}\\?['"](os|posix|nt)\\?['"]\s{0,4}\)\s{0,4}\.\s{0,4}(system|popen|exec[lv]|spawn|remove|unlink|fork)/
        $subprocess = /__import__\s{0,4}\(\s{0,4}\\?['"]subprocess\\?['"]\s{0,4}\)\s{0,4}\.\s{0,4}(Popen|run|call|check_|getoutput|getstatusoutput)/
        $pty = /__import__\s{0,4}\(\s{0,4}\\?['"](pty|ctypes|socket)\\?['"]\s{0,4}\)\s{0,4}\.\s{0,4}(spawn|CDLL|WinDLL|windll|socket|create_connection)\b/
    condition:
        any of them
}

rule python_shell_network_command
{
    meta:
        id = "yara/python-shell-network-command"
        title = "Python that starts a shell command which uses the network"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 78
        reference = "https://attack.mitre.org/techniques/T1059/006/"
    strings:
        $system = /\b(os\.(system|popen)|subprocess\.(run|call|Popen|check_call|check_output|getoutput))\s{0,4}\(\s{0,4}\[?\s{0,4}[rbf]?["']{1,3}\s{0,4}(curl|wget|nc|ncat|netcat|socat|ftp|tftp|scp|bash\s{1,4}-[ic]|powershell)\b/
    condition:
        $system
}

rule python_marshal_literal
{
    meta:
        id = "yara/python-marshal-literal"
        title = "Python that loads compiled code from a literal"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://docs.python.org/3/library/marshal.html"
    strings:
        $a = /\bmarshal\s{0,2}\.\s{0,2}loads\s{0,4}\(\s{0,4}b?["'](\\x[0-9a-fA-F]{2}|c\\x00)/
        $decoded = /\bmarshal\s{0,2}\.\s{0,2}loads\s{0,4}\(\s{0,4}(base64\.b64decode|zlib\.decompress|bytes\.fromhex|binascii\.(unhexlify|a2b_base64))\s{0,4}\(/
    condition:
        any of them
}

rule native_code_from_script
{
    meta:
        id = "yara/native-code-from-script"
        title = "A script that copies machine code into executable memory"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1620/"
    strings:
        $ctypes = "ctypes" fullword
        $alloc1 = "VirtualAlloc" fullword
        $alloc2 = "VirtualProtect" fullword
        $alloc3 = "PROT_EXEC" fullword
        $move1 = "RtlMoveMemory" fullword
        $move2 = "memmove" fullword
        $start1 = "CreateThread" fullword
        $start2 = "CFUNCTYPE" fullword
        $start3 = "EnumWindows" fullword
    condition:
        $ctypes and any of ($alloc*) and any of ($move*) and any of ($start*)
}

rule persistence_shell
{
    meta:
        id = "yara/persistence-shell"
        title = "A command line that makes itself run again later"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1053/003/"
    strings:
        $cron = /(echo|printf)\s[^\n|]{4,200}\|\s{0,4}crontab\s{1,4}-/
        $cron_file = /(echo|printf)\s[^\n]{4,200}>>?\s{0,4}\/(etc\/cron|var\/spool\/cron)/
        $keys = /(echo|printf)\s[^\n]{4,800}>>?\s{0,4}[^\s]{0,40}\.ssh\/authorized_keys/
        $preload = />>?\s{0,4}\/etc\/ld\.so\.preload/
    condition:
        any of them
}

rule persistence_windows
{
    meta:
        id = "yara/persistence-windows"
        title = "A command that makes itself run when Windows starts"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1547/001/"
    strings:
        $run = /\breg(\.exe)?\s{1,4}add\s[^\n]{0,40}\\{1,2}CurrentVersion\\{1,2}Run(Once)?\b/ nocase
        $task = /\bschtasks(\.exe)?\s{1,4}\/create\s[^\n]{0,200}(powershell|cmd(\.exe)?\s{1,4}\/c|mshta|rundll32|python)/ nocase
    condition:
        any of them
}

rule javascript_eval_decoded
{
    meta:
        id = "yara/javascript-eval-decoded"
        title = "JavaScript that runs code it decodes first"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $a = /\b(eval|Function)\s{0,4}\(\s{0,4}(window\.)?(atob|unescape)\s{0,4}\(\s{0,4}["']/
        $b = /\bchild_process['"]\s{0,4}\)\s{0,4}\.\s{0,4}exec(Sync)?\s{0,4}\(\s{0,4}["'`](curl|wget|bash|powershell|nc)\b/
    condition:
        any of them
}
