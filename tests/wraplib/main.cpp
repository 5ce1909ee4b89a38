// Runs each case in a process of its own: the recorder begins once.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    Catch::Session session;
    if (const int wrong = session.applyCommandLine(argc, argv); wrong != 0)
        return wrong;
    if (session.config().listTests() || session.config().listTestNamesOnly() || session.config().listTags() ||
        session.config().listReporters())
        return session.run();
    const auto cases = Catch::filterTests(Catch::getAllTestCasesSorted(session.config()),
                                          session.config().testSpec(), session.config());
    if (cases.size() <= 1)
        return session.run();
    int failed = 0;
    for (const Catch::TestCase &one : cases) {
        std::string name = one.name;
        for (size_t at = 0; (at = name.find_first_of(",[*\\", at)) != std::string::npos; at += 2)
            name.insert(at, 1, '\\');
        const pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", argv[0], name.c_str(), nullptr);
            _exit(99);
        }
        int status = 0;
        waitpid(child, &status, 0);
        failed += status != 0;
    }
    return failed != 0;
}
