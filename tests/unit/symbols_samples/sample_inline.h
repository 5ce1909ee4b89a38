#pragma once
#include "where.h"

inline __attribute__((always_inline)) int from_header(int n)
{
    where("from_header");
    return n * 3;
}
