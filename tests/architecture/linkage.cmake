# Looks at the shared libraries of a program, with those that they need.
#    cmake -D PROGRAM=<file> -D FORBIDDEN=<regex> -D REQUIRED=<regex> -P linkage.cmake

execute_process(COMMAND ldd "${PROGRAM}" OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
if(libraries MATCHES "[^\n]*(${FORBIDDEN})[^\n]*")
    message(FATAL_ERROR "${PROGRAM} must not link:${CMAKE_MATCH_0}")
endif()
if(libraries MATCHES "[^\n]*not found[^\n]*")
    message(FATAL_ERROR "${PROGRAM} does not find:${CMAKE_MATCH_0}")
endif()
# Without this the test would pass for a program that links nothing at all.
if(NOT libraries MATCHES "${REQUIRED}")
    message(FATAL_ERROR "${PROGRAM} was expected to link '${REQUIRED}':\n${libraries}")
endif()
