"""Run the command of a line of Procfile.dev, which honcho has started.

usage: python -m local_run.part NAME COMMAND [ARGUMENT ...]

honcho takes a process for one that runs as long as anybody holds its output. So when the command
has ended, the processes that it has left, such as Pushpin's services, are killed. How the first
part of a run has ended is written to the file that LOCAL_RUN_END names.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress

from local_run.programs import describe_end
from local_run.sessions import kill_rest_of_session


def main() -> None:
    """Run the command. Exits with its status, or with 128 and the number of its signal."""
    name, *command = sys.argv[1:]
    # honcho sends signals to the group, of which the command is one, too.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    code = subprocess.Popen(command).wait()
    with (
        suppress(FileExistsError),  # another part was the first to end
        open(os.environ["LOCAL_RUN_END"], "x") as file,
    ):
        file.write(describe_end(name, code))
    kill_rest_of_session()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
