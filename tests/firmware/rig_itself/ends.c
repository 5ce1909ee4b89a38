// firmware: the rig sees an image's status, its console and its end
// status: 42
// output: hello from the board
// output: seven 7
#include "board.h"

int main(void)
{
    board_say("hello from the board");
    board_tell("seven", 7);
    return 42;
}
