#include "commands/follow.h"

#include "commands/following.h"
#include "commands/terminal.h"
#include "commands/trouble.h"
#include "writers/follow_keys.h"
#include "writers/follow_screen.h"
#include "writers/follow_view.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <future>
#include <thread>
#include <unistd.h>
#include <utility>

namespace unpaired {
namespace {

using Clock = std::chrono::steady_clock;

/// A look may take a tenth of a processor at most: a trace with millions of live blocks is read for a second.
constexpr double pause_for_a_look = 10;

/// How soon it is seen that the program has ended, however rare the looks are.
constexpr std::chrono::milliseconds end_is_seen_in(500);

std::atomic<int> ending_signal = 0;

/// From now on a signal that ends us is noted, so that the terminal is put back first.
void note_ending_signals()
{
    struct sigaction action = {};
    action.sa_handler = [](int signal) { ending_signal = signal; };
    sigemptyset(&action.sa_mask);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
        sigaction(signal, &action, nullptr); // without SA_RESTART: waiting for a key ends
}

/// Dies of the signal that was noted, as if we had not noted it.
void obey_ending_signal()
{
    if (const int signal = ending_signal) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

double interval_after(const Look &look, const FollowOptions &options)
{
    return std::max({options.interval_s, look.cpu_s * pause_for_a_look, look.reading_s});
}

FollowedProgram describe(const Look &look, const TallyHistory &history, const FollowOptions &options)
{
    FollowedProgram program;
    program.name = look.name;
    program.running = look.running;
    program.time_s = history.followed_s();
    program.interval_s = interval_after(look, options);
    program.reading_s = look.reading_s;
    program.cycle = look.tally.cycle;
    program.not_recorded = look.not_recorded;
    return program;
}

std::chrono::duration<double> seconds(double s) { return std::chrono::duration<double>(s); }

/// The screen, the looks that go on behind it, and what the reader has chosen.
class Session {
public:
    Session(FollowScreen &screen, Following &following, const FollowOptions &options)
        : screen_(screen), following_(following), options_(options)
    {}

    void run()
    {
        begin_look();
        draw();
        while (!ending_signal && !quit_ &&
               (options_.count == 0 || looks_ < options_.count || looking_.valid())) {
            const KeyPress key = screen_.wait_for_key(wait_ms());
            if (key.key != Key::none)
                obey(key);
            if (finish_look() || key.key != Key::none)
                draw();
            if (running_ && !looking_.valid() && !following_.still_running())
                next_ = Clock::now();
            const bool wanted = beside_ != BesideLook::nothing || (!choice_.paused && Clock::now() >= next_);
            if (wanted && running_ && !looking_.valid() && (options_.count == 0 || looks_ < options_.count))
                begin_look();
        }
    }

private:
    /// Short while a look is under way: keys are to be answered at once, and its end is seen by asking.
    int wait_ms() const
    {
        if (looking_.valid())
            return 20;
        const auto most = end_is_seen_in.count();
        if (choice_.paused || !running_)
            return static_cast<int>(most);
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next_ - Clock::now()).count();
        return static_cast<int>(std::clamp<int64_t>(left, 1, most));
    }

    void begin_look()
    {
        // another thread reads: keys are answered while a big trace is. Signals are this one's, which waits for keys.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        looking_ =
            std::async(std::launch::async, [this, beside = std::exchange(beside_, BesideLook::nothing)] {
                return following_.look(beside);
            });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    bool finish_look()
    {
        if (!looking_.valid() || looking_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
            return false;
        const Look look = looking_.get();
        if (look.another_program)
            history_ = {};
        history_.add(look.tally);
        program_ = describe(look, history_, options_);
        running_ = look.running;
        if (!look.done.empty()) {
            choice_.message = look.done;
            said_ = Clock::now();
        } else if (Clock::now() - said_ > std::chrono::seconds(5)) {
            choice_.message.clear();
        }
        next_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds(program_.interval_s));
        looks_++;
        return true;
    }

    void obey(const KeyPress &key)
    {
        const size_t height = screen_.paper().height;
        switch (press(key, rows_, height > 8 ? height - 8 : 1, choice_)) {
        case FollowAct::quit:
            quit_ = true;
            break;
        case FollowAct::mark:
            do_beside(BesideLook::mark, "beginning a cycle");
            break;
        case FollowAct::snapshot:
            do_beside(BesideLook::snapshot, "taking a snapshot");
            break;
        case FollowAct::none:
            break;
        }
    }

    void do_beside(BesideLook what, const char *said)
    {
        if (running_)
            beside_ = what;
        choice_.message = running_ ? said : "nothing done: the program has ended";
    }

    void draw()
    {
        rows_ = chosen_rows(history_.rows(), choice_);
        if (looks_ == 0)
            program_.name = "reading ...";
        screen_.show(draw_follow(program_, rows_, choice_, screen_.paper()));
    }

    FollowScreen &screen_;
    Following &following_;
    const FollowOptions &options_;
    std::future<Look> looking_;
    TallyHistory history_;
    FollowedProgram program_;
    FollowChoice choice_;
    std::vector<LiveRow> rows_; ///< as they were drawn last
    Clock::time_point next_;
    Clock::time_point said_; ///< when the message came
    unsigned looks_ = 0;
    bool running_ = true, quit_ = false;
    BesideLook beside_ = BesideLook::nothing; ///< with the next look
};

void write_looks(Following &following, const FollowOptions &options)
{
    TallyHistory history;
    const FollowChoice choice;
    for (unsigned looks = 1; !ending_signal; looks++) {
        const auto begun = Clock::now();
        const Look look = following.look(BesideLook::nothing);
        if (look.another_program)
            history = {};
        history.add(look.tally);
        const FollowedProgram program = describe(look, history, options);
        const std::string text = follow_text(program, chosen_rows(history.rows(), choice));
        if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
            throw Trouble(fmt::format("cannot write the table: {}.", std::strerror(errno)));
        if (!look.running || looks == options.count)
            return;
        const auto next = begun + std::chrono::duration_cast<Clock::duration>(seconds(program.interval_s));
        while (!ending_signal && Clock::now() < next && following.still_running())
            std::this_thread::sleep_for(std::min<Clock::duration>(next - Clock::now(), end_is_seen_in));
    }
}

} // namespace

int follow(const FollowOptions &options, const ReportOptions &report)
{
    if (!report.format.empty() || !report.outputs.empty() || !report.suppressions.empty())
        throw Trouble("--follow shows a table and makes no report: leave out --format, --output and "
                      "--suppressions.");
    Following following(options.targets, options.firmware, report);
    note_ending_signals();
    if (const std::unique_ptr<FollowScreen> screen = FollowScreen::open(colour_wanted(STDOUT_FILENO)))
        Session(*screen, following, options).run();
    else
        write_looks(following, options);
    obey_ending_signal();
    return exit_nothing_found;
}

} // namespace unpaired
