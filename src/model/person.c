/* Looking things up within a working set. */
#include "model/person.h"

struct profile *person_profile(const struct person *person, profile_no number)
{
    vec_each (profile, &person->profiles)
        if (profile_no_equal(profile->number, number))
            return profile;
    return NULL;
}

struct identifier *person_identifier(const struct person *person, profile_no profile, uint32_t number)
{
    vec_each (identifier, &person->identifiers)
        if (identifier->number == number && profile_no_equal(identifier->profile, profile))
            return identifier;
    return NULL;
}
