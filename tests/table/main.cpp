// `--table`: prints the rows of the table; `--cases`: the names of the cases; `--release`: runs all cases and
// gives everything back; `--leave`: runs all, each keeping the first of what it acquired.
#include "cases.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cases {

namespace {
Case *all;

struct Row {
    const char *role, *function, *family, *space; // family: an acquirer's, else "-"
};
const char *space_of(const char *wanted)
{
#define UNPAIRED_FAMILY(family, space, display) \
    if (std::strcmp(wanted, #family) == 0)      \
        return #space;
#include "unpaired/resources/table.def"
    return wanted;
}
const Row rows[] = {
#define UNPAIRED_EACH_ACQUIRER(family, function) {"acquirer", #function, #family, space_of(#family)},
#include "unpaired/resources/table.def"
#define UNPAIRED_EACH_RELEASER(space, function) {"releaser", #function, "-", #space},
#include "unpaired/resources/table.def"
#define UNPAIRED_EACH_OBSERVER(space, function) {"observer", #function, "-", space_of(#space)},
#include "unpaired/resources/table.def"
#define UNPAIRED_EACH_LIFECYCLE(function) {"lifecycle", #function, "-", "-"},
#include "unpaired/resources/table.def"
};
} // namespace

Case::Case(const char *name, void (*code)(bool)) : function(name), use(code), next(all) { all = this; }

void broken(const char *file, int line, const char *what)
{
    std::fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, std::strerror(errno));
    std::_Exit(99);
}

static int run(int argc, char **argv)
{
    const char *mode = argc == 2 ? argv[1] : "";
    if (std::strcmp(mode, "--table") == 0) {
        for (const Row &row : rows)
            std::printf("%s %s %s %s\n", row.role, row.function, row.family, row.space);
    } else if (std::strcmp(mode, "--cases") == 0) {
        for (const Case *one = all; one; one = one->next)
            std::printf("%s\n", one->function);
    } else if (std::strcmp(mode, "--release") == 0 || std::strcmp(mode, "--leave") == 0) {
        for (const Case *one = all; one; one = one->next)
            one->use(std::strcmp(mode, "--leave") == 0);
    } else {
        std::fprintf(stderr, "usage: %s --table|--cases|--release|--leave\n", argv[0]);
        return 2;
    }
    return 0;
}

} // namespace cases

int main(int argc, char **argv) { return cases::run(argc, argv); }
