"""A disk that remembers: a file whose every write and flush is logged, for a loop device.

The file is the only one of a small FUSE file system that speaks to /dev/fuse itself. The loop device on it turns each write
of its file system into a write here, and each flush into an fsync. From the log, `Disk.image` builds what a power loss would
have left at any moment: everything up to the last flush, and any part of what came later, down to single sectors.

    python3 blocklog.py MOUNTPOINT IMAGE LOG COUNTER   # the server itself; ends when MOUNTPOINT is unmounted"""

import ctypes
import errno
import mmap
import os
import random
import struct
import subprocess
import sys
import time

_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE, _FSYNC = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20
_FLUSH, _INIT, _OPENDIR, _RELEASEDIR, _BATCH_FORGET, _INTERRUPT, _DESTROY = 25, 26, 27, 29, 42, 36, 38
_MAX_WRITE = 1 << 17
_DIRECT_IO = 1
_RECORD = struct.Struct("<cQI")
SECTOR = 512


class _Server:
    def __init__(self, mountpoint, image, log, counter):
        self.size = os.stat(image).st_size
        self.image = os.open(image, os.O_RDWR)
        self.log = open(log, "wb", buffering=0)
        with open(counter, "r+b") as file:
            self.counter = mmap.mmap(file.fileno(), 8)
        self.count = 0
        self.device = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,max_read={_MAX_WRITE}"
        if libc.mount(b"blocklog", mountpoint.encode(), b"fuse", 6, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def run(self):
        while True:
            try:
                request = os.read(self.device, _MAX_WRITE + 8192)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return  # unmounted
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                raise
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in (_FORGET, _BATCH_FORGET, _INTERRUPT):
                continue
            try:
                answer, code = self._answer(opcode, node, request[40:]), 0
            except OSError as error:
                answer, code = b"", -error.errno
            try:
                os.write(self.device, struct.pack("<IiQ", 16 + len(answer), code, unique) + answer)
            except OSError as error:
                if error.errno != errno.ENOENT:  # the request was given up
                    raise

    def _attributes(self, node):
        mode, size = (0o40755, 0) if node == 1 else (0o100600, self.size)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _answer(self, opcode, node, body):
        if opcode == _INIT:
            major, minor, readahead, flags = struct.unpack_from("<IIII", body)
            return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), readahead, flags & 0x20, 64, 48, _MAX_WRITE, 1, _MAX_WRITE // 4096, 0, 0)
        if opcode == _LOOKUP:
            if body.rstrip(b"\0") != b"disk":
                raise OSError(errno.ENOENT, "")
            return struct.pack("<QQQQII", 2, 0, 3600, 3600, 0, 0) + self._attributes(2)
        if opcode in (_GETATTR, _SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._attributes(node)
        if opcode in (_OPEN, _OPENDIR):
            return struct.pack("<QII", 1, _DIRECT_IO, 0)
        if opcode == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(self.image, size, offset)
        if opcode == _WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = body[40:40 + size]
            self._record(b"w", offset, data)
            os.pwrite(self.image, data, offset)
            return struct.pack("<II", len(data), 0)
        if opcode == _FSYNC:
            self._record(b"f", 0, b"")
            return b""
        if opcode in (_RELEASE, _RELEASEDIR, _FLUSH, _DESTROY):
            return b""
        if opcode == _STATFS:
            return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 10, 8, 4096, 255, 4096, 0)
        raise OSError(errno.ENOSYS, "")

    def _record(self, kind, offset, data):
        self.log.write(_RECORD.pack(kind, offset, len(data)) + data)
        self.count += 1
        self.counter[:8] = struct.pack("<Q", self.count)


class Disk:
    """A block device whose writes are logged. `device` is the loop device; `position()` counts what was logged."""

    def __init__(self, directory, megabytes):
        self.directory, self.size = directory, megabytes << 20
        os.makedirs(directory)
        self.image_path, self.log_path, counter = (os.path.join(directory, name) for name in ("image", "log", "counter"))
        self.mountpoint = os.path.join(directory, "fuse")
        os.makedirs(self.mountpoint)
        with open(self.image_path, "wb") as file:
            file.truncate(self.size)
        with open(counter, "wb") as file:
            file.write(b"\0" * 8)
        with open(counter, "r+b") as file:
            self._counter = mmap.mmap(file.fileno(), 8)
        self._server = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.mountpoint, self.image_path, self.log_path, counter])
        self.device = None
        deadline = time.monotonic() + 20
        while not os.path.ismount(self.mountpoint):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the disk's server did not start")
            time.sleep(0.02)
        self.device = _output("losetup", "--find", "--show", os.path.join(self.mountpoint, "disk")).strip()

    def position(self):
        return struct.unpack("<Q", self._counter[:8])[0]

    def close(self):
        if self.device:
            subprocess.run(["losetup", "-d", self.device])
            backing = f"/sys/block/{os.path.basename(self.device)}/loop/backing_file"
            deadline = time.monotonic() + 30
            while os.path.exists(backing) and time.monotonic() < deadline:
                time.sleep(0.05)
            if os.path.exists(backing):
                raise RuntimeError(f"{self.device} is still in use")
        for _ in range(50):
            if subprocess.run(["umount", self.mountpoint], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", self.mountpoint])
        try:
            self._server.wait(5)
        except subprocess.TimeoutExpired:
            # A process elsewhere has a mount namespace from the time when this was mounted; nothing is written any more.
            self._server.kill()
            self._server.wait()

    def records(self):
        """The log from its beginning: kind (`w` or `f`), offset, data."""
        with open(self.log_path, "rb") as log:
            while head := log.read(_RECORD.size):
                kind, offset, length = _RECORD.unpack(head)
                yield kind, offset, log.read(length)


class Replay:
    """Builds images of a disk in the order of its log."""

    def __init__(self, disk):
        self._records = disk.records()
        self._image = bytearray(disk.size)
        self._pending = []
        self.position = 0

    def advance(self, position):
        """Up to the given number of records; positions must not go back."""
        while self.position < position:
            kind, offset, data = next(self._records)
            self.position += 1
            if kind == b"f":
                for its_offset, its_data in self._pending:
                    self._image[its_offset:its_offset + len(its_data)] = its_data
                self._pending = []
            else:
                self._pending.append((offset, data))

    def write(self, path, rng, survives):
        """The image after a power loss here. `survives` says what part of the writes since the last flush is on the disk:
        `none`, `all`, `some` (any subset), `torn` (any subset of the sectors)."""
        image = self._image
        if survives != "none" and self._pending:
            image = bytearray(image)
            for offset, data in self._pending:
                step = SECTOR if survives == "torn" else len(data)
                for start in range(0, len(data), step):
                    if survives == "all" or rng.random() < 0.5:
                        piece = data[start:start + step]
                        image[offset + start:offset + start + len(piece)] = piece
        with open(path, "wb") as file:
            file.truncate(len(image))
            zero = bytes(1 << 16)
            for start in range(0, len(image), 1 << 16):
                if image[start:start + (1 << 16)] != zero:
                    file.seek(start)
                    file.write(image[start:start + (1 << 16)])
        return len(self._pending)


def _output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    _Server(*sys.argv[1:5]).run()
