# The layering check, run on a small tree full of violations, must report each of them and fail.
#    cmake -D TESTS=<tests folder> -P layering_reports.cmake

execute_process(
    COMMAND ${CMAKE_COMMAND} -D ROOT=${TESTS}/layering_fixture -P ${TESTS}/layering.cmake
    RESULT_VARIABLE result ERROR_VARIABLE report OUTPUT_VARIABLE report)
if(result EQUAL 0)
    message(FATAL_ERROR "the layering check accepted the fixture:\n${report}")
endif()
file(STRINGS "${TESTS}/layering_fixture/expected.txt" expected)
foreach(line IN LISTS expected)
    string(FIND "${report}" "${line}" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "not reported: ${line}\nThe report was:\n${report}")
    endif()
endforeach()
