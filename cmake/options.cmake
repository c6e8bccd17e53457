# ebshift_options: the flags of every target of ours, as one INTERFACE library.
add_library(ebshift_options INTERFACE)
target_include_directories(ebshift_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(ebshift_options INTERFACE _GNU_SOURCE)
target_compile_options(ebshift_options INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wvla -Wformat=2 -Wundef
    -Wcast-qual -Wpointer-arith -Wwrite-strings -Wmissing-prototypes -Wstrict-prototypes
    -Wswitch-enum -Wnull-dereference -Wdouble-promotion
    -fstack-protector-strong -fstack-clash-protection -fno-omit-frame-pointer)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(ebshift_options INTERFACE
        -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca -Wjump-misses-init)
else()
    target_compile_options(ebshift_options INTERFACE
        -Wcomma -Wconditional-uninitialized -Wimplicit-fallthrough -Wunreachable-code-aggressive
        -Wmissing-variable-declarations)
endif()
if(WERROR)
    target_compile_options(ebshift_options INTERFACE -Werror)
endif()
if(SANITIZE)
    target_compile_options(ebshift_options INTERFACE -fsanitize=${SANITIZE} -fno-sanitize-recover=all)
    target_link_options(ebshift_options INTERFACE -fsanitize=${SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_definitions(ebshift_options INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(ebshift_options INTERFACE -pie -Wl,-z,relro,-z,now)

# Asserts stay on in release builds: a broken invariant must not reach a database.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
