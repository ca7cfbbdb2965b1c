# cmake -DSOURCE=... -DRESULT=... -P Commit.cmake: writes the commit of the sources, as a C++ string,
# where it differs from what is there. Empty without git or outside of a repository.
execute_process(COMMAND git describe --always --dirty --abbrev=10 --exclude=*
    WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT "${RESULT}" CONTENT "\"${commit}\"\n")
