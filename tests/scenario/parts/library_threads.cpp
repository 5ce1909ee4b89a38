// scenario: the C++ library's threads, futures, streams and strings leave nothing to report
// link: -pthread
#include "must.h"

#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

int main()
{
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<std::vector<int>>> table;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 100; j++) {
                auto numbers = std::make_shared<std::vector<int>>(100, j);
                std::lock_guard guard(mutex);
                table["key " + std::to_string(i * j)] = numbers;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    auto sum = std::async(std::launch::async, [&] { return table.size(); });
    std::ifstream file("/etc/passwd");
    std::string line;
    int matches = 0;
    while (std::getline(file, line))
        matches += std::regex_search(line, std::regex("^root:"));
    std::ostringstream text;
    text << sum.get() << ' ' << matches;
    std::cout << text.str() << '\n';
    return 0;
}
