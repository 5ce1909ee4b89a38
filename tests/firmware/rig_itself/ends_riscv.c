// firmware: the rig sees a RISC-V image's status, its console and its end
// board: riscv
// libc: picolibc
// status: 42
// output: hello from the board
#include "board.h"

int main(void)
{
    board_say("hello from the board");
    return 42;
}
