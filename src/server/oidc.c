/* Signing on by an OpenID provider. */
#include "server/server_private.h"

void oidc_write(const struct oidc *oidc, struct jsonw *w)
{
    (void)oidc;
    jsonw_null(w);
}
