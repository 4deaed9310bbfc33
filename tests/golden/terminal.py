"""A terminal for programs that talk to a person."""
import os, pty, select, subprocess, time

SECONDS = 60  # a hang is a failure, not a wait


def at_terminal(command, env, typed=None, prompt="shows: "):
    """(exit code, stdout, what the terminal shows).  typed(shown): what is entered at the prompt."""
    ours, its = pty.openpty()
    shown, end = b"", time.monotonic() + SECONDS
    with subprocess.Popen(command, stdin=its, stderr=its, stdout=subprocess.PIPE, env={**os.environ, **env}, start_new_session=True) as p:
        os.close(its)
        try:
            while select.select([ours], [], [], max(0, end - time.monotonic()))[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
                if typed and shown.endswith(prompt.encode()):
                    os.write(ours, typed(shown.decode()).encode() + b"\n")
                    typed = None
            else:
                p.kill()
                raise AssertionError("a hang: " + shown.decode())
        finally:
            os.close(ours)
        out = p.stdout.read()
    return p.returncode, out.decode(), shown.decode()
