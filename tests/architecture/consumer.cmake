# Installs the build into a fresh prefix, moves it, and builds and runs a foreign project with it.
#    cmake -D BUILD=<build folder> -D CONSUMER=<project> -D CXX=<compiler> -P consumer.cmake

function(run_step)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
        ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "failed (${result}): ${ARGN}\n${output}")
    endif()
endfunction()

set(work "${BUILD}/consumer")
file(REMOVE_RECURSE "${work}")
run_step(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${work}/installed")
# The installed trainer finds LibTorch.
run_step("${work}/installed/bin/ratiofarm-trainer" --version)
# What works only where it was installed is not relocatable.
file(RENAME "${work}/installed" "${work}/moved")
run_step(${CMAKE_COMMAND} -S "${CONSUMER}" -B "${work}/build" -G Ninja
    -D CMAKE_CXX_COMPILER=${CXX} "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}"
    -D ratiofarm_ROOT=${work}/moved)
run_step(${CMAKE_COMMAND} --build "${work}/build")
run_step("${work}/build/consumer")
run_step("${work}/build/reader" "${work}/events.h5")
if(EXISTS "${BUILD}/bin/ratiofarm")
    run_step("${work}/moved/bin/ratiofarm" --help)
endif()
