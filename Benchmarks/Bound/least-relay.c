// The least that a relay can do for a message, and nothing of what makes it a mail server: no parsing, no checks, no DNS,
// no limits, no second process. It takes the dialogue of smtp-source as it comes, writes the content to a file, fsyncs it,
// writes the seven log lines, passes the message on over a connection that it keeps, and removes the file. What this costs
// is the kernel's, so no server on the same machine can be quicker by more than its own mistakes.
//
// least-relay LISTEN SINK DIRECTORY LOG-SOCKET WORKERS

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { capacity = 8192 };

struct session {
    int descriptor, in_content;
    size_t count;
    char bytes[capacity];
};

static struct sockaddr_in own, sink;
static const char *directory;
static int log_socket, upstream = -1;

#define REPLY(descriptor, text) send_all(descriptor, text, sizeof text - 1)

static int send_all(int descriptor, const char *bytes, size_t count) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

static void log_line(const char *text) {
    char line[400];
    int count = snprintf(line, sizeof line, "<22>Nov 29 12:00:00 postfix/smtpd[%d]: %s", getpid(), text);
    send(log_socket, line, (size_t)count, MSG_NOSIGNAL);
}

// Reads until so many lines have come. The last line of each reply is one, and so is each line before it.
static int read_lines(int wanted) {
    char bytes[4096];
    while (wanted > 0) {
        ssize_t count = read(upstream, bytes, sizeof bytes);
        if (count <= 0) return 0;
        for (ssize_t index = 0; index < count; index++) wanted -= bytes[index] == '\n';
    }
    return 1;
}

static int transact(const char *content, size_t count) {
    static const char envelope[] = "MAIL FROM:<from@example.net>\r\nRCPT TO:<to@externaladdress.com>\r\nDATA\r\n";
    if (!REPLY(upstream, envelope) || !read_lines(3) || !send_all(upstream, content, count)) return 0;
    // smtp-sink ends with its last message, and does not always answer it.
    read_lines(1);
    return 1;
}

static void pass_on(const char *content, size_t count) {
    if (upstream >= 0 && transact(content, count)) return;
    if (upstream >= 0) close(upstream);
    upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(upstream, (struct sockaddr *)&sink, sizeof sink) != 0) err(1, "connect");
    if (!read_lines(1) || !REPLY(upstream, "HELO least.example\r\n") || !read_lines(1) || !transact(content, count))
        errx(1, "the sink hung up");
}

static void finish(struct session *session) {
    static char spare[200], name[200];
    static unsigned long serial;
    static int file = -1;
    if (file < 0) {
        snprintf(spare, sizeof spare, "%s/spare/least.%d", directory, getpid());
        file = open(spare, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (file < 0) err(1, "%s", spare);
    }
    snprintf(name, sizeof name, "%s/incoming/least.%d.%lu", directory, getpid(), serial++);
    if (rename(spare, name) != 0 || pwrite(file, session->bytes, session->count, 0) < 0 || fchmod(file, 0700) != 0
        || fsync(file) != 0)
        err(1, "%s", name);
    REPLY(session->descriptor, "250 2.0.0 Ok: queued as 4c5f3Q0Yk2z9vX\r\n");
    log_line("4c5f3Q0Yk2z9vX: client=unknown[198.51.100.10]");
    log_line("4c5f3Q0Yk2z9vX: message-id=<20261129120000.4c5f3Q0Yk2z9vX@smtp.example.com>");
    log_line("4c5f3Q0Yk2z9vX: from=<from@example.net>, size=4300, nrcpt=1 (queue active)");
    pass_on(session->bytes, session->count);
    log_line("4c5f3Q0Yk2z9vX: to=<to@externaladdress.com>, relay=198.51.100.25[198.51.100.25]:25, delay=0.01, "
             "delays=0.01/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)");
    log_line("4c5f3Q0Yk2z9vX: removed");
    if (rename(name, spare) != 0 || ftruncate(file, 0) != 0 || fchmod(file, 0600) != 0) err(1, "%s", name);
}

static void end(struct session *session) {
    close(session->descriptor);
    free(session);
}

static int starts(const struct session *session, const char *verb) {
    return strncasecmp(session->bytes, verb, strlen(verb)) == 0;
}

static void receive(struct session *session) {
    static const char dot[] = "\r\n.\r\n";
    ssize_t count = read(session->descriptor, session->bytes + session->count, capacity - session->count);
    if (count <= 0) return end(session);
    session->count += (size_t)count;
    if (session->in_content) {
        size_t length = sizeof dot - 1;
        if (session->count < length || memcmp(session->bytes + session->count - length, dot, length) != 0) return;
        finish(session);
        session->in_content = 0;
    } else if (session->bytes[session->count - 1] != '\n') {
        return;
    } else if (starts(session, "QUIT")) {
        REPLY(session->descriptor, "221 2.0.0 Bye\r\n");
        log_line("disconnect from unknown[198.51.100.10] helo=1 mail=1 rcpt=1 data=1 quit=1 commands=5");
        return end(session);
    } else if (starts(session, "DATA")) {
        REPLY(session->descriptor, "354 End data with <CR><LF>.<CR><LF>\r\n");
        session->in_content = 1;
    } else {
        REPLY(session->descriptor, "250 2.1.0 Ok\r\n");
    }
    session->count = 0;
}

static void accept_one(int listener, int poller) {
    struct session *session = calloc(1, sizeof *session);
    if (!session) err(1, "calloc");
    session->descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (session->descriptor < 0) return free(session);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    epoll_ctl(poller, EPOLL_CTL_ADD, session->descriptor, &event);
    log_line("connect from unknown[198.51.100.10]");
    REPLY(session->descriptor, "220 smtp.example.com ESMTP\r\n");
}

static void work(void) {
    int one = 1, poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 4096) != 0) err(1, "listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[64];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poller, ready, 64, -1);
        for (int index = 0; index < count; index++) {
            if (ready[index].data.ptr) receive(ready[index].data.ptr);
            else accept_one(listener, poller);
        }
    }
}

int main(int count, char **arguments) {
    if (count != 6) errx(64, "usage: least-relay LISTEN SINK DIRECTORY LOG-SOCKET WORKERS");
    own = sink = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(25)};
    if (inet_pton(AF_INET, arguments[1], &own.sin_addr) != 1 || inet_pton(AF_INET, arguments[2], &sink.sin_addr) != 1)
        errx(64, "LISTEN and SINK are addresses");
    directory = arguments[3];
    struct sockaddr_un logger = {.sun_family = AF_UNIX};
    snprintf(logger.sun_path, sizeof logger.sun_path, "%s", arguments[4]);
    log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (connect(log_socket, (struct sockaddr *)&logger, sizeof logger) != 0) err(1, "%s", arguments[4]);
    for (int left = atoi(arguments[5]); left > 0; left--) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
        }
    }
    while (wait(NULL) > 0) {}
}
