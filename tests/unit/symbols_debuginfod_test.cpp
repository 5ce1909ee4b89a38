// Whether a server is asked can only be seen from outside: libdw looks for DEBUGINFOD_URLS when a process starts.
#include "symbols/symbolizer.h"

#include "symbols_samples.h"

#include <arpa/inet.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

extern char **environ;

using namespace unpaired;

namespace {

/// A server on loopback that counts who calls and answers nothing.
class Listener {
public:
    Listener()
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        REQUIRE(fd_ >= 0);
        auto *name = reinterpret_cast<sockaddr *>(&address);
        REQUIRE(bind(fd_, name, sizeof address) == 0);
        REQUIRE(listen(fd_, 16) == 0);
        REQUIRE(getsockname(fd_, name, &length) == 0);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~Listener() { close(fd_); }
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

    /// Hangs up on everybody who has called so far, and says how many they were.
    int hang_up()
    {
        int calls = 0;
        for (int fd; (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; calls++)
            close(fd);
        return calls;
    }
    std::string url;

private:
    int fd_ = -1;
};

/// Runs the hidden test below in a process of its own while `listener` hangs up on callers; returns how many
/// called.
int calls_during_child(Listener &listener, const char *flag)
{
    samples::Folder cache; // or an earlier failure would be remembered, and the server not asked again
    std::string home = "HOME=" + cache.path.string(), urls = "DEBUGINFOD_URLS=" + listener.url;
    std::string cache_path = "DEBUGINFOD_CACHE_PATH=" + cache.path.string(), timeout = "DEBUGINFOD_TIMEOUT=5";
    std::string allowed = std::string("UNPAIRED_TEST_DEBUGINFOD=") + flag;
    std::vector<char *> environment;
    for (auto *text : {&home, &urls, &cache_path, &timeout, &allowed})
        environment.push_back(text->data());
    environment.push_back(nullptr);
    std::string program = "/proc/self/exe", test = "child: resolves a stripped sample";
    char *arguments[] = {program.data(), test.data(), nullptr};
    pid_t pid = 0;
    REQUIRE(posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments, environment.data()) == 0);
    int calls = 0, status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        calls += listener.hang_up();
        poll(nullptr, 0, 1);
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    return calls + listener.hang_up();
}

} // namespace

TEST_CASE("child: resolves a stripped sample", "[.child]")
{
    const char *flag = getenv("UNPAIRED_TEST_DEBUGINFOD");
    REQUIRE(flag);
    std::string urls = getenv("DEBUGINFOD_URLS");
    SymbolOptions options;
    options.debuginfod = std::strcmp(flag, "ask") == 0;
    Symbolizer symbolizer(options);
    auto path = samples::folder + "/sample_stripped";
    ModuleRef module;
    module.path = path;
    module.build_id = samples::build_id_of(path);
    CHECK(symbolizer.resolve(module, 0x1234).size() == 1);
    CHECK(symbolizer.problems().empty());
    // what the launcher's program will see is as it was
    CHECK(urls == getenv("DEBUGINFOD_URLS"));
}

TEST_CASE("a debuginfod server is contacted when asked for, and never otherwise", "[symbols]")
{
    Listener listener;
    CHECK(calls_during_child(listener, "do-not-ask") == 0);
    CHECK(calls_during_child(listener, "ask") > 0);
}

TEST_CASE("asking for debuginfod without a server is a problem", "[symbols]")
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    std::string saved = urls ? urls : "";
    unsetenv("DEBUGINFOD_URLS");
    SymbolOptions options;
    options.debuginfod = true;
    Symbolizer symbolizer(options);
    REQUIRE(symbolizer.problems().size() == 1);
    CHECK_THAT(symbolizer.problems()[0], Catch::Contains("DEBUGINFOD_URLS"));
    if (urls)
        setenv("DEBUGINFOD_URLS", saved.c_str(), 1);
}
