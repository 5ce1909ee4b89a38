// scenario: failed allocations and throwing constructors leave nothing behind
// expect: {"rule": "never-released", "severity": "leak", "family": "new", "function": "_Znwm", "count": 2, "bytes": 16, "blame": "keep:keep"}
// output: caught 6
#include "must.h"

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {
struct Refusing {
    explicit Refusing(int depth)
    {
        if (depth == 0)
            throw std::runtime_error("refused");
        Refusing inner(depth - 1);
    }
    char data[64];
};
struct Number {
    long value = 0;
};
volatile std::size_t huge = PTRDIFF_MAX;
Number *kept[2];
} // namespace

FRAME static Number *keep()
{
    Number *number = new Number; /* blame:keep */
    return number;
}

int main()
{
    int caught = 0;
    for (int i = 0; i < 2; i++) {
        kept[i] = keep();
        try {
            ::operator delete(::operator new(huge));
        } catch (const std::bad_alloc &) {
            caught++;
        }
        try {
            delete new Refusing(5);
        } catch (const std::runtime_error &) {
            caught++;
        }
        MUST(new (std::nothrow) char[huge / 2] == nullptr);
        try {
            std::vector<std::string> strings(100, std::string(100, 'x'));
            throw std::string("with strings to destroy");
        } catch (const std::string &) {
            caught++;
        }
    }
    std::printf("caught %d\n", caught);
    return 0;
}
