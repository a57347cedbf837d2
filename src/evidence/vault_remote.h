/* A vault that several nodes use, with its pages in PostgreSQL (vault_remote.c). Everything else of vault.h holds for it, but: rotation of the master
 * key, copies and mirrors are refused with ERR_CONFLICT; its backups are PostgreSQL's. */
#ifndef TELOS_EVIDENCE_VAULT_REMOTE_H
#define TELOS_EVIDENCE_VAULT_REMOTE_H

#include "evidence/vault.h"

/* `uri`: postgres://USER@HOST/DATABASE; the schema telos_vault is made when missing. The master key is a file, as ever: DIR/keys/master.key where none is
 * named. Only the first node of all makes one; the others get a copy of it. */
const struct err *vault_open_postgres(struct arena *arena, const char *uri, const char *dir, const char *master_key_file, struct vault **ret) MUST_CHECK;

#endif
