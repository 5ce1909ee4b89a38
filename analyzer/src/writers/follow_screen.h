// A terminal that shows styled lines and reads keys, by ncurses.
#pragma once

#include "writers/follow_keys.h"
#include "writers/follow_view.h"

#include <memory>
#include <vector>

namespace unpaired {

/// Takes the terminal over as long as it lives; only one may. Window changes and SIGTSTP (Ctrl-Z) are seen to;
/// signals that end the process are the caller's.
class FollowScreen {
public:
    /// nullptr if stdout is no terminal, or one that cannot place text (TERM is unset, dumb or not known).
    /// `colour`: attributes like bold are used even without.
    static std::unique_ptr<FollowScreen> open(bool colour);
    ~FollowScreen();
    FollowScreen(const FollowScreen &) = delete;
    FollowScreen &operator=(const FollowScreen &) = delete;

    FollowPaper paper() const;
    void show(const std::vector<StyledLine> &lines);

    /// The next key; Key::none if there is none in `milliseconds`, or a signal came.
    KeyPress wait_for_key(int milliseconds);

private:
    struct Terminal;
    explicit FollowScreen(std::unique_ptr<Terminal> terminal);
    std::unique_ptr<Terminal> terminal_;
};

} // namespace unpaired
