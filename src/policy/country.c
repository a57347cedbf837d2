/* The table of countries, as of February 2026. Check it against its sources when they change; a policy overrides each of these facts
 * (`controller.regions`, `transfers.adequate`, `settings.age_of_consent`, `settings.quiet_zone`).
 *
 * EU and EEA: Treaty on European Union Art. 52; Agreement on the European Economic Area Art. 2.
 * Adequacy (GDPR Art. 45(3)), decisions of the Commission by country: Switzerland 2000/518/EC, Canada 2002/2/EC (commercial
 *   organisations under PIPEDA), Argentina 2003/490/EC, Guernsey 2003/821/EC, Isle of Man 2004/411/EC, Jersey 2008/393/EC, Faroe
 *   Islands 2010/146/EU, Andorra 2010/625/EU, Israel 2011/61/EU, Uruguay 2012/484/EU, New Zealand 2013/65/EU, Japan (EU) 2019/419,
 *   United Kingdom (EU) 2021/1772, renewed on 19 December 2025 until 27 December 2031, Republic of Korea (EU) 2022/254, Brazil (EU) 2026/179.
 *   The United States (EU) 2023/1795 are left out on purpose: only recipients certified under the Data Privacy Framework are
 *   adequate, so a policy names that as the destination's `safeguard`.
 * Age: GDPR Art. 8(1) says 16, a member state may go down to 13 by its own law; those laws by country, for example Hungary: none
 *   (16), Austria DSG §4(4) (14), France Loi 78-17 Art. 45 (15), Spain LO 3/2018 Art. 7 (14), Denmark Act 502/2018 §6 as amended from 2024 on (15),
 *   Sweden 2018:218 2:4 (13), Slovenia ZVOP-2 Art. 8 (15); United Kingdom DPA 2018 s. 9 (13); United States COPPA (13). By state: the Commission's
 *   staff working document SWD(2020) 115, 3.2, and what was amended since. Norway (15) and Spain (16) have bills that are not law yet.
 */
#include "policy/country.h"

#define MEMBER(code, age, zone) {code, true, true, false, age, zone, NULL}
#define EEA_ONLY(code, age, zone) {code, false, true, false, age, zone, NULL}
#define ADEQUATE(code, age, zone) {code, false, false, true, age, zone, NULL}
#define ADEQUATE_UNTIL(code, age, zone, until) {code, false, false, true, age, zone, until}
#define OTHER(code, age, zone) {code, false, false, false, age, zone, NULL}

const struct country countries[] = {
    MEMBER("AT", 14, "Europe/Vienna"),
    MEMBER("BE", 13, "Europe/Brussels"),
    MEMBER("BG", 14, "Europe/Sofia"),
    MEMBER("CY", 14, "Asia/Nicosia"),
    MEMBER("CZ", 15, "Europe/Prague"),
    MEMBER("DE", 16, "Europe/Berlin"),
    MEMBER("DK", 15, "Europe/Copenhagen"),
    MEMBER("EE", 13, "Europe/Tallinn"),
    MEMBER("ES", 14, "Europe/Madrid"),
    MEMBER("FI", 13, "Europe/Helsinki"),
    MEMBER("FR", 15, "Europe/Paris"),
    MEMBER("GR", 15, "Europe/Athens"),
    MEMBER("HR", 16, "Europe/Zagreb"),
    MEMBER("HU", 16, "Europe/Budapest"),
    MEMBER("IE", 16, "Europe/Dublin"),
    MEMBER("IT", 14, "Europe/Rome"),
    MEMBER("LT", 14, "Europe/Vilnius"),
    MEMBER("LU", 16, "Europe/Luxembourg"),
    MEMBER("LV", 13, "Europe/Riga"),
    MEMBER("MT", 13, "Europe/Malta"),
    MEMBER("NL", 16, "Europe/Amsterdam"),
    MEMBER("PL", 16, "Europe/Warsaw"),
    MEMBER("PT", 13, "Europe/Lisbon"),
    MEMBER("RO", 16, "Europe/Bucharest"),
    MEMBER("SE", 13, "Europe/Stockholm"),
    MEMBER("SI", 15, "Europe/Ljubljana"),
    MEMBER("SK", 16, "Europe/Bratislava"),
    EEA_ONLY("IS", 13, "Atlantic/Reykjavik"),
    EEA_ONLY("LI", 16, "Europe/Vaduz"),
    EEA_ONLY("NO", 13, "Europe/Oslo"),
    ADEQUATE("AD", 16, "Europe/Andorra"),
    ADEQUATE("AR", 0, "America/Argentina/Buenos_Aires"),
    ADEQUATE("BR", 0, "America/Sao_Paulo"),
    ADEQUATE("CA", 0, "America/Toronto"),
    ADEQUATE("CH", 0, "Europe/Zurich"),
    ADEQUATE("FO", 0, "Atlantic/Faroe"),
    ADEQUATE_UNTIL("GB", 13, "Europe/London", "2031-12-27"),
    ADEQUATE("GG", 13, "Europe/Guernsey"),
    ADEQUATE("IL", 0, "Asia/Jerusalem"),
    ADEQUATE("IM", 13, "Europe/Isle_of_Man"),
    ADEQUATE("JE", 13, "Europe/Jersey"),
    ADEQUATE("JP", 0, "Asia/Tokyo"),
    ADEQUATE("KR", 14, "Asia/Seoul"),
    ADEQUATE("NZ", 0, "Pacific/Auckland"),
    ADEQUATE("UY", 0, "America/Montevideo"),
    OTHER("RS", 15, "Europe/Belgrade"),
    OTHER("TR", 0, "Europe/Istanbul"),
    OTHER("UA", 0, "Europe/Kyiv"),
    OTHER("US", 13, "America/New_York"),
};
const size_t countries_count = sizeof(countries) / sizeof(countries[0]);

enum { AGE_OTHERWISE = 16 };

const struct country *country_find(str code)
{
    for (size_t i = 0; i < countries_count; i++)
        if (str_equal(code, str_of(countries[i].code)))
            return &countries[i];
    return NULL;
}

bool country_in_region(str country, str region)
{
    if (str_empty(country) || str_empty(region))
        return false;
    if (str_equal(country, region) || (str_starts(country, region) && country.data[region.length] == '-'))
        return true;
    const struct country *known = country_find(str_slice(country, 0, 2));
    if (!known || (country.length > 2 && country.data[2] != '-'))
        return str_equal(country, STR("EU")) && str_equal(region, STR("EEA"));
    return (known->eu && str_equal(region, STR("EU"))) || (known->eea && str_equal(region, STR("EEA")));
}

uint8_t country_age_of_consent(str code)
{
    const struct country *known = country_find(code.length > 2 && code.data[2] == '-' ? str_slice(code, 0, 2) : code);
    return known && known->age_of_consent ? known->age_of_consent : AGE_OTHERWISE;
}

str country_zone(str code)
{
    const struct country *known = country_find(code);
    return known ? str_of(known->zone) : STR("UTC");
}
