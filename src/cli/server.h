/*
 * server: everything that `placard serve` runs, made in order and taken down in the reverse of it.
 *
 *     server_start(&conf, &server, &err)   signals are blocked and the log is started
 *     server_reload(server)                as often as wanted, on the same thread
 *     server_stop(server)                  returns when the last request is answered and every thread has ended
 *
 * The conf is the caller's and outlives the server, which reads it anew on reload. Errors of the start are E_CONFIG for
 * what the user said, anything else for what the machine or the data would not do.
 */
#ifndef PLACARD_CLI_SERVER_H
#define PLACARD_CLI_SERVER_H

#include "base/buf.h"
#include "base/conf.h"

struct server;

bool server_start(struct conf *conf, struct server **ret_server, struct err *err) MUST_CHECK;

/* "http://127.0.0.1:8790": as clients reach it, with the port in fact listened on. */
void server_url(const struct server *server, struct buf *ret_url);

/* Configuration file, limits, rates, keys, certificate. What cannot be taken leaves what is in force; the log says. */
void server_reload(struct server *server);

void server_stop(struct server *server);

#endif
