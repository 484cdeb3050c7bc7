"""Runs thousands of commands in short time: a shell for a batch of them, a few shells at a time, files in memory."""

import concurrent.futures
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/home"}


class Command:
    """`argv` in `folder`; `input` is bytes for standard input. After the run: `status`, `output`, `errors` (bytes).
    A `reference` is not waited for when it sleeps."""

    def __init__(self, folder, argv, input=None, reference=False):
        self.folder, self.argv, self.input, self.reference = pathlib.Path(folder), argv, input, reference
        self.status = self.output = self.errors = None


def workspace():
    """A directory in memory, where there is one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return pathlib.Path(tempfile.mkdtemp(prefix="apus-conformance-", dir=place))


def _hurry(folder):
    """The library that lets a command sleep for no time."""
    source, library = pathlib.Path(__file__).resolve().parent / "hurry.c", folder / "hurry.so"
    if subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source]).returncode:
        sys.exit("no C compiler: with each of its errors the reference would sleep for a second")
    return library


def _run(commands, timeout, library):
    lines = []
    for number, command in enumerate(commands):
        base = command.folder / f".{number}"
        source = "/dev/null"
        if command.input is not None:
            source = f"{base}.in"
            pathlib.Path(source).write_bytes(command.input)
        argv = " ".join(shlex.quote(word) for word in command.argv)
        if command.reference:
            argv = f"LD_PRELOAD={library} {argv}"
        lines.append(f"cd {shlex.quote(str(command.folder))}\n{argv} <{source} >{base}.out 2>{base}.err; echo $? >{base}.status")
    # One process group: a command that hangs goes with its shell.
    shell = subprocess.Popen(["/bin/sh", "-s"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
                             start_new_session=True)
    try:
        shell.communicate("\n".join(lines).encode("utf-8", "surrogateescape") + b"\n", timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, 9)
        shell.wait()
    for number, command in enumerate(commands):
        base = command.folder / f".{number}"
        try:
            status = int(pathlib.Path(f"{base}.status").read_text())
        except (FileNotFoundError, ValueError):
            status = None  # It hung, or came after one that did.
        # A shell tells of a signal by adding 128.
        command.status = status if status is None or status < 129 or status > 192 else 128 - status
        for name, suffix in (("output", "out"), ("errors", "err")):
            path = pathlib.Path(f"{base}.{suffix}")
            setattr(command, name, path.read_bytes() if path.exists() else b"")
            path.unlink(missing_ok=True)
        for suffix in ("in", "status"):
            pathlib.Path(f"{base}.{suffix}").unlink(missing_ok=True)


def cases(numbers, make, check, jobs=None, size=100, timeout=120):
    """For each number, `make(number, folder)` lays files out and returns (state, [Command]); after all commands of the
    batch have run, in order, `check(number, state, commands)` returns a report or None. Yields the reports.
    `size` cases are a batch."""
    base = workspace()
    library = _hurry(base)
    numbers = list(numbers)
    chunks = [numbers[start:start + size] for start in range(0, len(numbers), size)]

    def batch(chunk):
        made = []
        for number in chunk:
            folder = base / str(number)
            folder.mkdir()
            made.append((number, folder, *make(number, folder)))
        _run([command for _, _, _, commands in made for command in commands], timeout, library)
        reports = []
        for number, folder, state, commands in made:
            if any(command.status is None for command in commands):
                reports.append(f"case {number}: no end after {timeout} s: "
                               + "; ".join(" ".join(c.argv) for c in commands if c.status is None))
            else:
                reports.append(check(number, state, commands))
            shutil.rmtree(folder)
        return [report for report in reports if report]

    try:
        with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
            for reports in pool.map(batch, chunks):
                yield from reports
    finally:
        shutil.rmtree(base, ignore_errors=True)
