// firmware: the rig takes the RAM of an image that died
// dies:
#include "board.h"

int main(void) { board_die(); }
