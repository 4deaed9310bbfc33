/* Programs inside of other things.  Each pattern holds as much of the header as is fixed,
   so that tensors, whose bytes may take any value, do not match by chance: the weakest
   has 64 fixed bits. */

rule program_elf_inside
{
    meta:
        id = "yara/program-elf-inside"
        title = "A Linux program inside a file that is none"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://man7.org/linux/man-pages/man5/elf.5.html"
    strings:
        /* class, data, version, OSABI, zeros, type 1 to 3, machine x86, ARM, RISC-V, version */
        $little = { 7F 45 4C 46 (01 | 02) 01 01 (00 | 03) 00 00 00 00 00 00 00 00 (01 | 02 | 03) 00 (03 | 3E | 28 | B7 | F3) 00 01 00 00 00 }
        $big = { 7F 45 4C 46 (01 | 02) 02 01 (00 | 03) 00 00 00 00 00 00 00 00 00 (01 | 02 | 03) 00 (08 | 14 | 15 | 16) 00 00 00 01 }
    condition:
        /* programs and static libraries hold others lawfully, and are reported as such */
        any of them and uint32(0) != 0x464c457f and uint16(0) != 0x5a4d and
        uint32(0) != 0x72613c21
}

rule program_windows_inside
{
    meta:
        id = "yara/program-windows-inside"
        title = "A Windows program inside a file that is none"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://learn.microsoft.com/windows/win32/debug/pe-format"
    strings:
        /* PE, machine, sections, three words, optional header's size, flags, its magic */
        $pe = { 50 45 00 00 (4C 01 | 64 86 | C4 01 | 64 AA) ?? 00 [12] (E0 | F0) 00 ?? ?? 0B (01 | 02) }
        $stub = "!This program cannot be run in DOS mode."
    condition:
        ($pe or $stub) and uint16(0) != 0x5a4d and uint32(0) != 0x464c457f and
        uint32(0) != 0x72613c21
}

rule program_mach_o_inside
{
    meta:
        id = "yara/program-mach-o-inside"
        title = "A macOS program inside a file that is none"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://github.com/apple-oss-distributions/xnu/blob/main/EXTERNAL_HEADERS/mach-o/loader.h"
    strings:
        /* magic, x86-64 or ARM64, its subtype, and the type: program, library, bundle */
        $mach = { CF FA ED FE (07 | 0C) 00 00 01 (00 | 02 | 03) 00 00 (00 | 80) (01 | 02 | 06 | 08) 00 00 00 ?? ?? 00 00 ?? ?? 00 00 }
        $universal = { CA FE BA BE 00 00 00 (02 | 03) (01 | 00) 00 00 (07 | 0C) ?? 00 00 ?? 00 00 ?? ?? ?? ?? ?? ?? 00 00 00 (0C | 0D | 0E) }
    condition:
        ($mach and not (uint32be(0) == 0xcffaedfe or uint32be(0) == 0xcafebabe)) or
        ($universal and uint32be(0) != 0xcafebabe)
}

rule program_python_bytecode
{
    meta:
        id = "yara/program-python-bytecode"
        title = "Compiled Python inside a file that is none"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://docs.python.org/3/library/py_compile.html"
    strings:
        /* magic, flags, eight bytes, and a marshalled code object without arguments */
        $pyc = { ?? 0D 0D 0A (00 | 01 | 03) 00 00 00 [8] E3 00 00 00 00 00 00 00 00 }
    condition:
        $pyc and uint16be(2) != 0x0d0a
}

rule program_python_bytecode_file
{
    meta:
        id = "yara/program-python-bytecode-file"
        title = "A file of compiled Python: code that cannot be read"
        severity = "low"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://docs.python.org/3/library/py_compile.html"
    strings:
        $pyc = { ?? 0D 0D 0A (00 | 01 | 03) 00 00 00 [8] E3 00 00 00 00 }
    condition:
        $pyc at 0 or ($pyc and uint16be(2) == 0x0d0a)
}

rule program_web_assembly_inside
{
    meta:
        id = "yara/program-web-assembly-inside"
        title = "A WebAssembly module inside a file that is none"
        severity = "medium"
        confidence = "medium"
        applies = "binary"
        cwe = 506
        reference = "https://webassembly.github.io/spec/core/binary/modules.html"
    strings:
        /* magic, version 1, and the section of types with function types in it */
        $wasm = { 00 61 73 6D 01 00 00 00 01 ?? [0-4] 60 }
    condition:
        $wasm and uint32be(0) != 0x0061736d
}

rule program_java_inside
{
    meta:
        id = "yara/program-java-inside"
        title = "A Java class inside a file that is none"
        severity = "medium"
        confidence = "medium"
        applies = "binary"
        cwe = 506
        reference = "https://docs.oracle.com/javase/specs/jvms/se21/html/jvms-4.html"
    strings:
        /* magic, version 45 to 69, number of constants, a method reference as the first */
        $class = { CA FE BA BE 00 00 00 (2D | 2E | 2F | 3?  | 40 | 41 | 42 | 43 | 44 | 45) ?? ?? (0A | 07 | 09 | 01) 00 }
        $object = "java/lang/Object"
    condition:
        $class and $object and uint32be(0) != 0xcafebabe
}

rule program_windows_shortcut
{
    meta:
        id = "yara/program-windows-shortcut"
        title = "A Windows shortcut: opening it runs what it names"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://learn.microsoft.com/openspecs/windows_protocols/ms-shllink/"
    strings:
        $lnk = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
    condition:
        $lnk
}

rule program_packed
{
    meta:
        id = "yara/program-packed"
        title = "A program packed so that it cannot be read"
        severity = "high"
        confidence = "medium"
        applies = "binary"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1027/002/"
    strings:
        $upx1 = "$Info: This file is packed with the UPX executable packer"
        $upx2 = { 55 50 58 30 00 00 00 [28-40] 55 50 58 31 00 00 00 }
        $pyinstaller = { 4D 45 49 0C 0B 0A 0B 0E }
        $pyarmor = "__pyarmor__"
        $pyarmor_magic = { 50 59 (30 | 31 | 41) 3? 3? 3? 3? 3? 00 }
    condition:
        $upx1 or $upx2 or ($pyinstaller and filesize > 88) or
        ($pyarmor and $pyarmor_magic)
}
