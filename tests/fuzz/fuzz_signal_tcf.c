/* Any bytes as a TC string of Europe and of Canada: nothing is read past its end; what is believed keeps every rule, and its vendors and
 * restrictions can be walked to their end. */
#include "base/err.h"
#include "signal/tcf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void vendors_check(const struct vendor_set *set)
{
    struct vendor_walk walk = {0};
    unsigned first, last, walked = 0;
    while (vendor_next(set, &walk, &first, &last)) {
        ASSERT(first >= 1 && first <= last && last <= 65535);
        ASSERT(vendor_in(set, first) && vendor_in(set, last));
        ASSERT(++walked <= 65535);
    }
}

static void believed_check(const struct tcf *tcf)
{
    struct restriction_walk walk = {0};
    struct tcf_restriction restriction;
    vendors_check(&tcf->vendors_consent);
    vendors_check(&tcf->vendors_interest);
    vendors_check(&tcf->disclosed);
    while (tcf_restriction_next(tcf, &walk, &restriction)) {
        ASSERT(restriction.purpose >= 1 && restriction.purpose <= TCF_PURPOSES && restriction.type <= RESTRICT_TO_INTEREST);
        vendors_check(&restriction.vendors);
        if (restriction.type == RESTRICT_PROHIBIT && restriction.vendors.ranges) {
            struct vendor_walk inside = {0};
            unsigned first, last;
            ASSERT(vendor_next(&restriction.vendors, &inside, &first, &last));
            ASSERT(!tcf_vendor_may(tcf, first, restriction.purpose, true) && !tcf_vendor_may(tcf, first, restriction.purpose, false));
        }
    }
    ASSERT(tcf->canada || (tcf->service_specific && tcf->policy_version >= 4 && !tcf_purpose(tcf->interest, 1)));
    ASSERT(tcf->has_publisher || (!tcf->publisher_consent && !tcf->publisher_interest && !tcf->custom_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct tcf tcf;
    char *copy = malloc(size ? size : 1); /* of its very size, so that the sanitizers see a read past its end */
    if (size)
        memcpy(copy, data, size);
    arena_init(&arena);
    for (int canada = 0; canada < 2; canada++) {
        bool believed = (canada ? tcf_read_canada : tcf_read)(&arena, str_bytes(copy, size), &tcf);
        ASSERT(believed == (tcf.fault == TCF_FINE));
        if (believed)
            believed_check(&tcf);
        else
            for (unsigned purpose = 1; purpose <= 11; purpose++)
                ASSERT(!tcf_vendor_may(&tcf, 755, purpose, true) && !tcf_vendor_may(&tcf, 755, purpose, false));
    }
    arena_release(&arena);
    free(copy);
    return 0;
}
