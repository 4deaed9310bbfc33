#!/usr/bin/python3
"""Every writer when it cannot write: a clear word, the right exit code, and never half a report
under the final name."""
import os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stored
from tap import ASSAY, TOP, case, main, run, scratch, write

RESULT = scratch() + "/passed.json"
stored.result(RESULT, count=0, errors=0)
FOUND = scratch() + "/found.json"
stored.result(FOUND, count=200)


def formats():
    with open(os.path.join(TOP, "scanner/reports/reports.def"), encoding="utf-8") as f:
        return [line.split('"')[1] for line in f if line.startswith("REPORT(")]


def names(d):
    return sorted(os.listdir(d))


def said(p, code, word):
    assert p.returncode == code and p.stderr.startswith(b"assay: ") and p.stderr.count(b"\n") == 1, p
    assert word in p.stderr, p.stderr


@case
def a_full_disk():
    for name in formats():
        with open("/dev/full", "wb") as full:
            p = subprocess.run([ASSAY, "convert", RESULT, "-o", name], stdout=full, stderr=subprocess.PIPE)
        said(p, 2, b"No space left")
        said(run("convert", RESULT, "-o", name + "=/dev/full"), 2, b"No space left")
        said(run("convert", FOUND, "-o", name + "=/dev/full"), 1, b"No space left")  # a violation counts more


@case
def a_closed_pipe():
    for name in formats():
        reading, writing = os.pipe()
        os.close(reading)
        p = subprocess.run([ASSAY, "convert", RESULT, "-o", name], stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        said(p, 2, b"Broken pipe")


@case
def a_pipe_that_closes_in_the_middle():
    for name in formats():
        if len(run("convert", FOUND, "-o", name).stdout) < 100_000:  # it would fit into the pipe
            continue
        p = subprocess.Popen([ASSAY, "convert", FOUND, "-o", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.read(1000)
        p.stdout.close()
        message = p.stderr.read()
        p.stderr.close()
        assert p.wait() == 1 and b"Broken pipe" in message, (name, message)


@case
def no_room_for_all_of_it_leaves_the_old_report():
    for name in formats():
        d = scratch()
        old = write(d + "/report", b"old")
        if len(run("convert", FOUND, "-o", name).stdout) < 10_000:
            continue
        p = subprocess.run(["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", ASSAY, "convert", FOUND, "-o", name + "=" + old],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said(p, 1, b"File too large")
        assert open(old, "rb").read() == b"old" and names(d) == ["report"], (name, names(d))


@case
def places_that_cannot_be_written():
    for name in formats():
        d = scratch()
        said(run("convert", RESULT, "-o", name + "=" + d + "/missing/report"), 2, b"No such file")
        said(run("convert", RESULT, "-o", name + "=" + d), 2, b"Is a directory")
        if os.getuid() != 0:
            os.chmod(d, 0o555)
            said(run("convert", RESULT, "-o", name + "=" + d + "/report"), 2, b"Permission denied")
            os.chmod(d, 0o755)
        assert names(d) == []


@case
def two_reports_to_one_place_are_refused():
    d = scratch()
    for name in formats():
        for other in ("text", "json"):
            p = run("convert", RESULT, "-o", name + "=" + d + "/r", "-o", other + "=" + d + "/./r")
            said(p, 4, b"two reports to one place")
    assert names(d) == []


@case
def two_programs_that_write_one_file_leave_one_whole_report():
    for name in formats():
        d = scratch()
        whole = {run("convert", source, "-o", name).stdout for source in (RESULT, FOUND)}
        for _ in range(3):
            both = [subprocess.Popen([ASSAY, "convert", source, "-o", name + "=" + d + "/r"]) for source in (RESULT, FOUND) * 2]
            assert {p.wait() for p in both} <= {0, 1}
            assert open(d + "/r", "rb").read() in whole and names(d) == ["r"], name


@case
def one_report_that_fails_does_not_stop_the_others():
    d = scratch()
    wanted = [x for name in formats() for x in ("-o", "%s=%s/%s" % (name, d, name))]
    for i in range(1, len(wanted), 2):
        arguments = list(wanted)
        arguments[i] = arguments[i].partition("=")[0] + "=/dev/full"
        said(run("convert", RESULT, *arguments), 2, b"No space left")
        failed = wanted[i].partition("=")[0]
        assert names(d) == sorted(set(formats()) - {failed}), failed
        for name in names(d):
            os.unlink(os.path.join(d, name))


@case
def outputs_are_as_many_as_formats():
    assert len(formats()) <= 16  # OUTPUTS_MAX: all of them in one pass


main()
