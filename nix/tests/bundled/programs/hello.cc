#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Loud {
	~Loud() { std::cout << "bye\n"; }
};

int main()
{
	static Loud loud; // destroyed at exit, through __dso_handle
	std::map<std::string, std::vector<int>> numbers{ { "a", { 3, 1, 2 } } };
	std::thread([&] { std::sort(numbers["a"].begin(), numbers["a"].end()); }).join();
	try {
		numbers.at("b");
	} catch (const std::out_of_range &) {
		std::cout << "caught " << numbers["a"].front() << numbers["a"].back() << "\n";
		return 0;
	}
	return 1;
}
