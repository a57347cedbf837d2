/* The YAML tree is open to the floors above, too: yaml.h. */
#ifndef TELOS_POLICY_YAML_PRIVATE_H
#define TELOS_POLICY_YAML_PRIVATE_H

#include "policy/yaml.h"

#endif
