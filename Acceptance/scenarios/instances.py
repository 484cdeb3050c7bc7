"""postmulti: instances are made, named, grouped, run side by side, and removed; each delivers its own mail."""

import os
import re

from lab.smtp import wait_for

WORLD = {"dovecot": False, "spamd": False}


def _multi(world, *options):
    status, out, _ = world.mx.outputs("postmulti", *options)
    return status, out


def _ok(world, *options):
    status, out = _multi(world, *options)
    assert status == 0, (options, status, out, world.mta.log()[-1500:])
    return out


def _refused(world, text, *options):
    """postmulti ends with 1, and says why in the log: it runs at boot, where nobody reads."""
    mark = len(world.mta.log())
    assert _multi(world, *options) == (1, ""), options
    world.mta.wait_log(rf"^.{{19}}(postmulti|postfix/postmulti-script)\[\d+\]: fatal: {re.escape(text)}", 5, mark)


def _list(world, *options):
    return [line.split() for line in _ok(world, "-l", *options).splitlines()]


def scenario_one_instance(world):
    assert _ok(world, "-l") == "-               -               y         /etc/postfix\n"
    assert _ok(world, "-x", "echo", "here") == "here\n"
    assert _multi(world, "-x", "false")[0] == 1 and _multi(world, "-p", "status")[0] == 0
    environment = dict(line.split("=", 1) for line in _ok(world, "-x", "env").splitlines() if "=" in line)
    assert environment["MAIL_CONFIG"] == environment["config_directory"] == "/etc/postfix", environment
    assert environment["queue_directory"] == "/var/spool/postfix" and environment["data_directory"] == "/var/lib/postfix"
    assert environment["multi_instance_enable"] == "yes" and environment["command_directory"] == "/usr/sbin"
    assert environment["MAIL_LOGTAG"] == "postfix", environment
    _refused(world, "Specify exactly one of '-e', '-l', '-p', '-x'", "-l", "-p")
    _refused(world, "Command required with '-p' or '-x' option", "-p")
    _refused(world, "No matching instances", "-i", "nosuch", "-x", "true")
    _refused(world, "Missing config_directory parameter value", "-e", "create")
    _refused(world, "New instance name must start with 'postfix-'", "-e", "create", "-I", "out")
    _refused(world, "multi_instance_wrapper is empty, run 'postmulti -e init' first.", "-e", "create", "-I", "postfix-out")
    status, _, _ = world.mx.outputs("postmulti", "-l", environment={"MAIL_CONFIG": "/etc/other"})
    assert status == 1


def scenario_life_of_instances(world):
    _ok(world, "-e", "init")
    main = world.mx.read("/etc/postfix/main.cf")
    assert "\nmulti_instance_enable = yes\n" in main and "\nmulti_instance_wrapper = ${command_directory}/postmulti -p --\n" in main
    _ok(world, "-e", "create", "-I", "postfix-out", "-G", "mta")
    for path, mode in (("/etc/postfix-out", 0o755), ("/var/spool/postfix-out", 0o755), ("/var/lib/postfix-out", 0o700)):
        assert os.stat(world.mx.path(path)).st_mode & 0o777 == mode, path
    settings = world.mx.run("postconf", "-c", "/etc/postfix-out", "-h", "multi_instance_name", "multi_instance_group",
                            "queue_directory", "data_directory", "master_service_disable", "authorized_submit_users").stdout
    assert [line for line in settings.splitlines() if "warning" not in line] == [
        "postfix-out", "mta", "/var/spool/postfix-out", "/var/lib/postfix-out", "inet", ""], settings
    # Where the new one goes.
    _ok(world, "-e", "create", "-I", "postfix-last", "config_directory=/etc/other", "queue_directory=/var/spool/other",
        "data_directory=/var/lib/other")
    _ok(world, "-e", "create", "-I", "postfix-first", "-a")
    _ok(world, "-e", "create", "-I", "postfix-before", "-i", "postfix-last")
    _ok(world, "-e", "create", "-I", "postfix-group", "-g", "mta")
    names = [row[0] for row in _list(world)]
    assert names == ["-", "postfix-first", "postfix-group", "postfix-out", "postfix-before", "postfix-last"], names
    assert [row[0] for row in _list(world, "-R")] == names[::-1]
    assert _list(world, "-g", "mta") == [["postfix-out", "mta", "n", "/etc/postfix-out"]] == _list(world, "-i", "/etc/postfix-out")
    assert _list(world, "-i", "-") == [["-", "-", "y", "/etc/postfix"]]
    _refused(world, "new config_directory=/etc/postfix-out is already in use by instance /etc/postfix-out",
             "-e", "create", "-I", "postfix-out")
    _ok(world, "-e", "assign", "-i", "postfix-group", "-I", "postfix-renamed", "-G", "other")
    assert ["postfix-renamed", "other", "n", "/etc/postfix-group"] in _list(world)
    _ok(world, "-e", "assign", "-i", "postfix-renamed", "-I", "-", "-G", "-")
    assert ["-", "-", "n", "/etc/postfix-group"] in _list(world)
    _refused(world, "instance /etc/postfix-group, multi_instance_name=postfix-out conflicts with instance /etc/postfix-out",
             "-e", "assign", "-i", "/etc/postfix-group", "-I", "postfix-out")
    mark = len(world.mta.log())
    _ok(world, "-e", "deport", "-i", "/etc/postfix-group")
    world.mta.wait_log(r" postfix/postfix-script\[\d+\]: the Postfix mail system is not running$", 3, mark)
    assert "/etc/postfix-group" not in [row[3] for row in _list(world)] and os.path.exists(world.mx.path("/etc/postfix-group/main.cf"))
    _ok(world, "-e", "import", "-I", "postfix-again", "config_directory=/etc/postfix-group")
    assert _list(world)[-1] == ["postfix-again", "-", "n", "/etc/postfix-group"]
    _refused(world, "Failed to obtain all required /etc/nosuch/main.cf parameters", "-e", "import", "config_directory=/etc/nosuch")
    _refused(world, "Select an instance via '-i name'", "-e", "enable")
    _refused(world, "No instance named postfix-nosuch", "-e", "enable", "-i", "postfix-nosuch")
    _ok(world, "-e", "enable", "-i", "postfix-again")
    assert _list(world)[-1][2] == "y"
    _refused(world, "Cannot remove enabled instances", "-e", "destroy", "-i", "postfix-again")
    _refused(world, "Cannot remove the primary instance", "-e", "destroy", "-i", "-")
    _ok(world, "-e", "disable", "-i", "postfix-again")
    for name, directory in (("postfix-again", "postfix-group"), ("postfix-first", "postfix-first"),
                            ("postfix-before", "postfix-before"), ("postfix-last", "other")):
        # What the mail system has not made stays.
        kept = name == "postfix-first"
        if kept:
            world.mx.write(f"/etc/{directory}/notes", "mine\n")
        _ok(world, "-e", "destroy", "-i", name)
        assert os.path.exists(world.mx.path(f"/etc/{directory}")) == kept, directory
        assert not os.path.exists(world.mx.path(f"/etc/{directory}/main.cf"))
        assert not os.path.exists(world.mx.path(f"/var/spool/{directory}")) and not os.path.exists(world.mx.path(f"/var/lib/{directory}"))
    assert [row[0] for row in _list(world)] == ["-", "postfix-out"]


def scenario_two_instances_deliver(world):
    """Both run at once, each with its queue, its log tag and its port; `postfix` works on both."""
    world.mx.run("useradd", "-m", "first", check=False)
    world.mx.run("useradd", "-m", "second", check=False)
    world.mx.run("postconf", "-c", "/etc/postfix-out", "-e", "master_service_disable =", "authorized_submit_users = static:anyone",
                 "mydestination = out.example", "myhostname = out.example", "inet_interfaces = 192.0.2.1",
                 "mail_spool_directory = /var/mail", "alias_maps =", "alias_database =", "compatibility_level = 3.6", "mailbox_command =")
    world.mx.run("postconf", "-c", "/etc/postfix-out", "-F", "smtp/inet/service=2525")
    world.mx.run("postconf", "-c", "/etc/postfix-out", "-F", "smtp/inet/chroot=n", "local/unix/chroot=n")
    _ok(world, "-e", "enable", "-i", "postfix-out")
    world.mx.run("postconf", "-e", "mailbox_command =", "home_mailbox =", "local_recipient_maps =", "mydestination = smtp.example.com")
    world.mx.run("postfix", "-c", "/etc/postfix", "reload")
    _ok(world, "-i", "postfix-out", "-p", "start")
    world.mta.wait_port(2525, "192.0.2.1")
    assert _multi(world, "-p", "status")[0] == 0 and world.mx.outputs("postfix", "status")[0] == 0

    def deliver(port, address, tag):
        client = world.client(port)
        client.expect("EHLO out.example.net", "250-")
        answer = client.mail("sender@example.net", [address], f"Subject: through {port}\n\nx\n")
        assert answer.startswith("250 2.0.0 Ok: queued as "), answer
        client.quit()
        user = address.split("@")[0]
        wait_for(lambda: f"Subject: through {port}\n" in _read(world, f"/var/mail/{user}"),
                 lambda: f"mail for {address}: {world.mta.log()[-3000:]}")
        world.mta.wait_log(rf" {tag}/local\[\d+\]: \w+: to=<{address}>, .*status=sent")
    deliver(25, "first@smtp.example.com", "postfix")
    deliver(2525, "second@out.example", "postfix-out")
    # Submission chooses the instance with -C; the queues are apart.
    world.mx.run("postconf", "-c", "/etc/postfix-out", "-e", "defer_transports = local")
    world.mx.run("postfix", "-c", "/etc/postfix-out", "reload")
    world.mx.run("sendmail", "-C", "/etc/postfix-out", "-f", "a@out.example", "second@out.example", input="Subject: third\n\nx\n")

    def queued(directory):
        return world.mx.outputs("postqueue", "-c", directory, "-j")[1].count("queue_id")
    wait_for(lambda: queued("/etc/postfix-out") == 1, lambda: world.mta.log()[-3000:])
    assert queued("/etc/postfix") == 0
    # Running, or with mail, it is not removed.
    _ok(world, "-e", "disable", "-i", "postfix-out")
    for action in ("destroy", "deport"):
        _refused(world, "Instance '/etc/postfix-out' is not stopped", "-e", action, "-i", "postfix-out")
    # A disabled one is left alone by the manager, who then has nothing to do.
    _refused(world, "No matching instances", "-i", "postfix-out", "-p", "stop")
    assert world.mx.outputs("postfix", "-c", "/etc/postfix-out", "status")[0] == 0
    _ok(world, "-e", "enable", "-i", "postfix-out")
    assert world.mx.outputs("postfix", "stop")[0] == 0
    assert [world.mx.outputs("postfix", "-c", directory, "status")[0] for directory in ("/etc/postfix", "/etc/postfix-out")] == [1, 1]
    _ok(world, "-e", "disable", "-i", "postfix-out")
    if world.mta.kind == "apus":
        _refused(world, "Instance '/etc/postfix-out' has mail in its deferred queue", "-e", "destroy", "-i", "postfix-out")
    world.mx.run("postsuper", "-c", "/etc/postfix-out", "-d", "ALL")
    _ok(world, "-e", "destroy", "-i", "postfix-out")
    assert [row[0] for row in _list(world)] == ["-"] and not os.path.exists(world.mx.path("/var/spool/postfix-out/active"))


def _read(world, path):
    try:
        return world.mx.read(path)
    except FileNotFoundError:
        return ""


def scenario_list_as_json(world):
    import json
    assert json.loads(_ok(world, "-lj", "-i", "-")) == {"name": "-", "group": "-", "enabled": "y", "config_directory": "/etc/postfix"}


scenario_list_as_json.only_for = ("apus",)
