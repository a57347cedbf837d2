#include "people.h"

#include <ctype.h>
#include <stdio.h>

struct chance chance_of(uint64_t seed, uint64_t a, uint64_t b)
{
    struct chance chance = {seed ^ a * UINT64_C(0x9e3779b97f4a7c15) ^ b * UINT64_C(0xc2b2ae3d27d4eb4f)};
    (void)chance_next(&chance);
    return chance;
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned chance_below(struct chance *chance, unsigned bound) { return (unsigned)(chance_next(chance) % bound); }
bool chance_percent(struct chance *chance, unsigned percent) { return chance_below(chance, 100) < percent; }

static const char *const hu_first[] = {"Anna", "Bence", "Csilla", "Dániel", "Eszter", "Ferenc", "Gréta", "Hanna", "István", "Júlia", "Kristóf", "Luca",
                                       "Márton", "Noémi", "Olivér", "Petra", "Réka", "Sándor", "Tímea", "Vilmos", "Zsófia", "Ádám", "Ágnes", "Örs"};
static const char *const hu_last[] = {"Kovács", "Nagy", "Szabó", "Tóth", "Horváth", "Varga", "Kiss", "Molnár", "Németh", "Farkas", "Balogh", "Papp",
                                      "Takács", "Juhász", "Lakatos", "Mészáros", "Oláh", "Simon", "Rácz", "Fekete", "Szilágyi", "Török", "Fehér", "Gál"};
static const char *const en_first[] = {"Emma", "Oliver", "Sophie", "Jack", "Amelia", "Harry", "Grace", "George", "Ella", "Noah", "Lily", "Arthur"};
static const char *const en_last[] = {"Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Walker", "Wright", "Hughes", "Green", "Hall", "Wood"};
static const struct {
    const char *city, *zip;
} hu_towns[] = {{"Budapest", "1051"}, {"Szentendre", "2000"}, {"Vác", "2600"}, {"Esztergom", "2500"}, {"Győr", "9021"}, {"Komárom", "2900"},
                {"Dunaújváros", "2400"}, {"Baja", "6500"}, {"Mohács", "7700"}},
  en_towns[] = {{"Bath", "BA1"}, {"York", "YO1"}, {"Oxford", "OX1"}, {"Bristol", "BS1"}};
static const char *const hu_streets[] = {"Fő utca", "Duna-part", "Petőfi Sándor utca", "Kossuth tér", "Ady Endre út", "Rózsa köz"};
static const char *const en_streets[] = {"High Street", "Mill Lane", "Station Road", "Church Walk"};
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PICK(chance, array) ((array)[chance_below((chance), COUNT(array))])

/* Letters without accents, as people write them in addresses: "Kovács" becomes "kovacs". */
static void plain_letters(const char *from, char *to, size_t size)
{
    static const struct {
        const char *accented;
        char plain;
    } letters[] = {{"á", 'a'}, {"é", 'e'}, {"í", 'i'}, {"ó", 'o'}, {"ö", 'o'}, {"ő", 'o'}, {"ú", 'u'}, {"ü", 'u'}, {"ű", 'u'},
                   {"Á", 'a'}, {"É", 'e'}, {"Í", 'i'}, {"Ó", 'o'}, {"Ö", 'o'}, {"Ő", 'o'}, {"Ú", 'u'}, {"Ü", 'u'}, {"Ű", 'u'}};
    size_t length = 0;
    while (*from && length + 1 < size) {
        char plain = 0;
        for (size_t i = 0; i < COUNT(letters); i++)
            if (strncmp(from, letters[i].accented, 2) == 0)
                plain = letters[i].plain;
        to[length++] = plain ? plain : (char)tolower((unsigned char)*from);
        from += plain ? 2 : 1;
    }
    to[length] = 0;
}

static enum temper temper_of(struct chance *chance, unsigned number)
{
    static const enum temper told[] = {TEMPER_OPEN, TEMPER_WITHDRAWS, TEMPER_OBJECTS, TEMPER_LATE, TEMPER_REFUSES, TEMPER_SIGNALS, TEMPER_CHILD};
    if (number < COUNT(told)) /* the first few are the ones that the tour tells of */
        return told[number];
    unsigned dice = chance_below(chance, 100);
    return dice < 42 ? TEMPER_OPEN : dice < 60 ? TEMPER_PICKY : dice < 70 ? TEMPER_LATE : dice < 79 ? TEMPER_WITHDRAWS : dice < 90 ? TEMPER_REFUSES
         : dice < 94 ? TEMPER_OBJECTS : dice < 98 ? TEMPER_SIGNALS : TEMPER_CHILD;
}

void customer_make(uint64_t seed, unsigned number, unsigned days, struct customer *ret_customer)
{
    struct chance chance = chance_of(seed, number, 0);
    *ret_customer = (struct customer){.number = number, .hungarian = number < 2 || number == 3 || chance_percent(&chance, 75)};
    struct customer *c = ret_customer;
    const char *first, *last;
    char first_plain[32], last_plain[32];
    if (number == 0)
        first = "Anna", last = "Kovács";
    else if (c->hungarian)
        first = PICK(&chance, hu_first), last = PICK(&chance, hu_last);
    else
        first = PICK(&chance, en_first), last = PICK(&chance, en_last);
    if (c->hungarian) {
        unsigned town = chance_below(&chance, COUNT(hu_towns));
        snprintf(c->name, sizeof c->name, "%s %s", last, first);
        snprintf(c->city, sizeof c->city, "%s", hu_towns[town].city);
        snprintf(c->zip, sizeof c->zip, "%s", hu_towns[town].zip);
        snprintf(c->street, sizeof c->street, "%s %u.", PICK(&chance, hu_streets), 1 + chance_below(&chance, 90));
        snprintf(c->phone, sizeof c->phone, "+3630%07u", (1000000 + number * 7919) % 10000000);
    } else {
        unsigned town = chance_below(&chance, COUNT(en_towns));
        snprintf(c->name, sizeof c->name, "%s %s", first, last);
        snprintf(c->city, sizeof c->city, "%s", en_towns[town].city);
        snprintf(c->zip, sizeof c->zip, "%s", en_towns[town].zip);
        snprintf(c->street, sizeof c->street, "%u %s", 1 + chance_below(&chance, 90), PICK(&chance, en_streets));
        snprintf(c->phone, sizeof c->phone, "+447400%06u", (100000 + number * 7919) % 1000000);
    }
    plain_letters(first, first_plain, sizeof first_plain);
    plain_letters(last, last_plain, sizeof last_plain);
    if (number == 0)
        snprintf(c->email, sizeof c->email, "anna.kovacs@example.hu");
    else
        snprintf(c->email, sizeof c->email, "%s.%s%u@example.%s", first_plain, last_plain, number, c->hungarian ? "hu" : "com");
    snprintf(c->user_id, sizeof c->user_id, "duna-%06u", number + 1);
    snprintf(c->card, sizeof c->card, "DB%08u", 10000000 + number * 37);
    snprintf(c->app_device, sizeof c->app_device, "phone-%u", number);
    c->temper = temper_of(&chance, number);
    c->has_phone = chance_percent(&chance, 70);
    c->has_card = number == 0 || chance_percent(&chance, 55);
    c->scale = number == 0 || chance_percent(&chance, 12);
    c->app = number == 0 || chance_percent(&chance, 45);
    c->devices = 1 + chance_below(&chance, 3);
    c->joined_day = number < 8 ? 0 : chance_below(&chance, days * 3 / 4 + 1);
    c->decides_day = c->joined_day + (c->temper == TEMPER_LATE ? 1 : 0);
    c->changes_day = c->decides_day + 5 + chance_below(&chance, days / 2 + 1);
    c->birth_year = c->temper == TEMPER_CHILD ? 2012 : 1945 + chance_below(&chance, 60);
}

void customer_browser(const struct customer *customer, unsigned device, char ret_id[32])
{
    snprintf(ret_id, 32, "browser-%u-%u", customer->number, device);
}
