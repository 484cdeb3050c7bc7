"""A host: a network namespace and a root directory that overlays this machine's, so that nothing outside changes."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def sh(*argv, check=True, **options):
    """Runs a command on this machine; returns its output."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


class Host:
    """One machine of the laboratory. `root` is its file system, `name` its network namespace."""

    def __init__(self, name, directory, addresses, overlay=False):
        self.name = name
        self.directory = os.path.join(directory, name)
        self.addresses = addresses
        self.root = "/"
        self._mounts = []
        self._syslog = None
        self.processes = []
        sh("ip", "netns", "add", name)
        if overlay:
            self._make_root()

    # The file system

    def _make_root(self):
        upper, work, root = (os.path.join(self.directory, part) for part in ("upper", "work", "root"))
        for path in (upper, work, root):
            os.makedirs(path)
        self._mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", root)
        self.root = root
        self._mount("-t", "proc", "proc", root + "/proc")
        self._mount("-t", "tmpfs", "tmpfs", root + "/dev")
        self._mount("-t", "tmpfs", "tmpfs", root + "/run")
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(f"{root}/dev/{name}", 0o20666, os.makedev(1, minor))
            os.chmod(f"{root}/dev/{name}", 0o666)
        # Postfix's scripts read what they are given as /dev/fd/0 or /dev/stdin.
        for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
            os.symlink("/proc/self/fd" + target, f"{root}/dev/{name}")
        os.makedirs(root + "/dev/shm", exist_ok=True)
        os.chmod(root + "/dev/shm", 0o1777)
        os.makedirs(root + "/run/lock", exist_ok=True)

    def _mount(self, *arguments):
        sh("mount", *arguments)
        self._mounts.append(arguments[-1])

    def bind(self, outside, inside):
        """Shows a directory of this machine inside the host's root: for a queue on a file system that is no overlay."""
        os.makedirs(self.path(inside), exist_ok=True)
        self._mount("--bind", outside, self.path(inside))

    def path(self, inside):
        """Where a path of the host is seen from outside."""
        return self.root.rstrip("/") + inside

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, inside):
        with open(self.path(inside), errors="replace") as file:
            return file.read()

    # Programs

    def _wrap(self, argv, user=None):
        command = ["ip", "netns", "exec", self.name]
        if self.root != "/":
            command += ["chroot"] + (["--userspec", user] if user else []) + [self.root]
        return command + list(argv)

    def run(self, *argv, check=True, input=None, user=None, timeout=60, trace=None):
        """Runs a command to its end on the host; returns the finished process with both outputs in `stdout`.
        `trace`: a file for the system calls of the command and all that it starts."""
        strace = ["strace", "-f", "-yy", "-s", "400", "-qq", "-o", trace] if trace else []
        done = subprocess.run(
            strace + self._wrap(argv, user), input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout, cwd="/")
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(argv)}: exit status {done.returncode}\n{done.stdout}")
        return done

    def outputs(self, *argv, input="", user=None, environment=None, timeout=60):
        """Runs a command to its end; returns its exit status, standard output and standard error."""
        wrapped = ["env"] + [f"{name}={value}" for name, value in (environment or {}).items()] + list(argv)
        done = subprocess.run(self._wrap(wrapped if environment else argv, user), input=input, capture_output=True, text=True,
                              errors="replace", timeout=timeout, cwd="/")
        return done.returncode, done.stdout, done.stderr

    def start(self, *argv, log=None):
        """Starts a command that stays."""
        output = open(log, "ab") if log else subprocess.DEVNULL
        process = subprocess.Popen(
            self._wrap(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/",
            start_new_session=True)
        self.processes.append(process)
        return process

    # The network

    def inside(self, action):
        """Calls `action` in the host's network namespace: sockets made there stay there."""
        result = []

        def work():
            try:
                with open(f"/run/netns/{self.name}") as namespace:
                    if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append((action(), None))
            except BaseException as error:  # handed to the caller
                result.append((None, error))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def connect(self, address, port, source=None, timeout=30):
        source = (source, 0) if source else None
        return self.inside(lambda: socket.create_connection((address, port), timeout, source_address=source))

    def listen(self, address, port):
        def make():
            server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address, port))
            server.listen(512)
            return server
        return self.inside(make)

    # The log

    def collect_syslog(self):
        """Stands in for syslogd: /dev/log of the host goes to /var/log/mail.log."""
        self._syslog = SyslogCollector(self.path("/dev/log"), self.path("/var/log/mail.log"))
        return self._syslog

    def stop_syslog(self):
        if self._syslog:
            self._syslog.close()
            self._syslog = None
            os.unlink(self.path("/dev/log"))

    def close(self):
        pids = sh("ip", "netns", "pids", self.name, check=False).split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
        for process in self.processes:
            process.wait()
        self.stop_syslog()
        for mount in reversed(self._mounts):
            for _ in range(50):
                if subprocess.run(["umount", mount], stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                sh("umount", "-l", mount, check=False)
        sh("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


class SyslogCollector:
    """Receives syslog datagrams and appends them to a file in the traditional format. Without `reads` it does so only
    from `read()` on, and its buffer is small."""

    def __init__(self, path, file, reads=True):
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20 if reads else 4096)
        os.chmod(path, 0o666)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        self.file = open(file, "w", buffering=1, errors="replace")
        self.thread = threading.Thread(target=self._work, daemon=True)
        if reads:
            self.read()

    def read(self):
        self.thread.start()

    def _work(self):
        while True:
            try:
                record = self.socket.recv(65536)
            except OSError:
                return
            if record == b"":
                return
            text = record.decode("utf-8", "replace").rstrip("\n\0")
            if text.startswith("<"):
                text = text.split(">", 1)[1]
            # `Mmm dd hh:mm:ss tag[pid]: text`: the C library sends no host name; the files of syslogd have one.
            self.file.write(f"{text[:15]} mx {text[16:]}\n")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(2)
        self.file.close()


def link(left, right, left_addresses, right_addresses):
    """Joins two hosts with a cable and gives each end its addresses (with prefix lengths)."""
    ends = (left.name[:12] + "-a", right.name[:12] + "-b")
    sh("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for host, end, addresses in ((left, ends[0], left_addresses), (right, ends[1], right_addresses)):
        sh("ip", "link", "set", end, "netns", host.name)
        sh("ip", "netns", "exec", host.name, "ip", "link", "set", "lo", "up")
        sh("ip", "netns", "exec", host.name, "ip", "link", "set", end, "up")
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            sh("ip", "netns", "exec", host.name, "ip", "addr", "add", address, "dev", end, *extra)
