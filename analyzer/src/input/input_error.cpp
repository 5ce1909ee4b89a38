#include "input/input_error.h"
