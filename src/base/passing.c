#include "passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

bool passing_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static void enclose(struct msghdr *packet, union control *control, int fd)
{
	struct cmsghdr *head;

	memset(control, 0, sizeof(*control));
	packet->msg_control = control->room;
	packet->msg_controllen = sizeof(control->room);
	head = CMSG_FIRSTHDR(packet);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
}

bool passing_send(int to, const void *octets, size_t len, int fd, bool wait)
{
	struct iovec content = {(void *)octets, len};
	struct msghdr packet = {.msg_iov = &content, .msg_iovlen = 1};
	union control control;
	ssize_t sent;

	if (fd >= 0)
		enclose(&packet, &control, fd);
	do
		sent = sendmsg(to, &packet, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)len;
}

/* Only one descriptor has room, so that no other can come. */
static int enclosed(struct msghdr *packet)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(packet);
	int fd = -1;

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

ssize_t passing_receive(int from, void *octets, size_t room, int *fd, bool wait)
{
	struct iovec content = {octets, room};
	union control control;
	struct msghdr packet = {
	    .msg_iov = &content,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room),
	};
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(from, &packet, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		*fd = enclosed(&packet);
	return got;
}
