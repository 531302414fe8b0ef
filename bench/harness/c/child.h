/* The faulting process, as the workers start it. */

/* start_faulter starts it and takes over its descriptor; other is the socket on
 * which it sends its result. */
static inline pid_t start_faulter(char **argv, struct hello *h, int *fd, int *other)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec io = { h, sizeof(*h) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		execv(argv[0], argv);
		die(argv[0]);
	}
	close(pair[1]);
	if (recvmsg(pair[0], &m, MSG_CMSG_CLOEXEC) != sizeof(*h) || !CMSG_FIRSTHDR(&m))
		die("no descriptor came from the faulting process");
	memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(*fd));
	*other = pair[0];
	return pid;
}
