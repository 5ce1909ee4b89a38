// unpaired/unpaired.h as programs use it; the sample programs were compiled with -pedantic -Werror.
#include "symbols_samples.h"

namespace {
const std::string told = "mark -\npush MQTT\npush AB  \nmark again\npop MQTT\npop -\n";
} // namespace

TEST_CASE("a program with owner scopes and marks runs unchanged without a recorder", "[header]")
{
    auto program = GENERATE(as<std::string>(), "header_user_c", "header_user_cpp");
    CHECK(samples::output_of("'" + samples::folder + "/" + program + "'") == "done\n");
}

TEST_CASE("a loaded recorder hears of scopes, nested and ended, and of marks", "[header]")
{
    auto program = GENERATE(as<std::string>(), "header_user_c", "header_user_cpp");
    auto output = samples::output_of("LD_PRELOAD='" + samples::folder + "/libfake_recorder.so' '" +
                                     samples::folder + "/" + program + "'");
    CHECK(output == told + "done\n");
}

TEST_CASE("firmware calls the recorder it is linked with", "[header]")
{
    CHECK(samples::output_of("'" + samples::folder + "/header_user_linked'") == told + "done\n");
}
