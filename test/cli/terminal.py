"""Runs a command on a pseudo-terminal. Arguments: text to wait for, what to type then, the command.

Prints what the terminal showed, then a line with the exit status."""

import os
import pty
import select
import sys
import time

wanted, typed, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
deadline = time.monotonic() + 25
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.2)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux: the other side is closed.
            break
        if not data:
            break
        seen += data
    if wanted is not None and wanted.encode() in seen:
        os.write(terminal, typed.encode())
        wanted = None
else:
    os.kill(pid, 9)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(seen.decode() + "\nstatus %d\n" % status)
