// The Catch2 that is installed, 2 or 3, under one name. Approx and matchers included.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;  // Catch2 2 spelled it like this in its own global namespace
#else
#include <catch2/catch.hpp>
#endif
