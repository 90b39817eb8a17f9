/* SPDX-License-Identifier: MIT */
/*
 * The applications of the image.  Each is an ordinary main whose argv[1] is
 * the port to serve; it listens before it waits for the first time, and
 * returns only when it cannot go on (having said why through perror).
 */
#pragma once

struct app {
	const char *name;
	int (*main)(int argc, char **argv);
};

/* Returns the application of that name, or a null pointer. */
const struct app *app_find(const char *name);

int tcp_echo_main(int argc, char **argv); /* tcp_echo PORT */
int udp_echo_main(int argc, char **argv); /* udp_echo PORT */
int http_main(int argc, char **argv);     /* http PORT */
int admin_main(int argc, char **argv);    /* admin PORT [TOKEN] */
int spin_main(int argc, char **argv);     /* spin */
