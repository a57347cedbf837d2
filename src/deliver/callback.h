/* Status callbacks of rights requests: whoever sent one by OpenDSR or the Data Rights Protocol, and gave an address, is told of each new state.
 *
 * 1. An address comes from outside, so it is a way to make us send: https to public hosts only, or to those that the policy names
 *    (`rights.callback_hosts`); the address that the name leads to is looked at when the connection is made; no redirect, no proxy.
 * 2. What is told is the request's id and state: nothing of the person.
 * 3. One at a time, ten seconds each, ten attempts with ever longer waits; what is still to be told is in the store, and survives a restart.
 */
#ifndef TELOS_DELIVER_CALLBACK_H
#define TELOS_DELIVER_CALLBACK_H

#include "engine/engine.h"

struct callbacks;
/* Starts the thread. The engine must outlive it. */
const struct err *callbacks_start(struct arena *arena, struct engine *engine, struct callbacks **ret_callbacks) MUST_CHECK;
void callbacks_stop(struct callbacks *callbacks); /* takes NULL */

/* Is this address of nobody else's network: not loopback, private, link-local, shared, multicast, or reserved? */
struct sockaddr;
bool callback_address_public(const struct sockaddr *address);

#endif
