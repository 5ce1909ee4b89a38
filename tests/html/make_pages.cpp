// Writes the pages that html_test.py opens in a browser: make_pages FOLDER
#include "sample_reports.h"
#include "writers/html.h"

#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char **argv)
{
    using namespace unpaired;
    if (argc != 2) {
        std::fprintf(stderr, "make_pages: one argument, the folder to write to\n");
        return 2;
    }
    const auto write = [folder = std::string(argv[1])](const char *name, const Report &report) {
        std::ofstream page(folder + "/" + name, std::ios::binary);
        write_html(page, report);
        page.close();
        return page.good();
    };
    const bool good = write("gateway.html", samples::gateway()) &&
                      write("hostile.html", samples::hostile()) && write("big.html", samples::big(5000)) &&
                      write("empty.html", Report{});
    return good ? 0 : 1;
}
