# Samples and requests that the tests of the trainer share.
add_library(ratiofarm_test_trainer_gaussians STATIC trainer_gaussians.cpp)
ratiofarm_configure_target(ratiofarm_test_trainer_gaussians)
target_link_libraries(ratiofarm_test_trainer_gaussians
    PUBLIC ratiofarm_test_catch ratiofarm::trainer_lib)

# Tests of ratiofarm-trainer; they see its private headers.
function(ratiofarm_add_trainer_test name)
    ratiofarm_add_test(${name} SOURCES workers/${name}_test.cpp
                       USES ratiofarm::trainer_lib ratiofarm_test_trainer_gaussians ${ARGN})
endfunction()

ratiofarm_add_trainer_test(trainer_mlp)

# Tests of the nets alone.
foreach(name IN ITEMS trainer_engines trainer_engine_packs trainer_kernels trainer_products
        trainer_optimizer trainer_particle_nets)
    ratiofarm_add_test(${name} SOURCES workers/${name}_test.cpp
                       USES ratiofarm::trainer_engine)
endforeach()
ratiofarm_add_trainer_test(trainer_events)
ratiofarm_add_trainer_test(trainer_events_mistakes)
ratiofarm_add_trainer_test(trainer_batches)
ratiofarm_add_trainer_test(trainer_particles)
ratiofarm_add_trainer_test(trainer_packs)
ratiofarm_add_trainer_test(trainer_schedule)
ratiofarm_add_trainer_test(trainer_training)
ratiofarm_add_trainer_test(trainer_continuation)
ratiofarm_add_trainer_test(trainer_extras)
ratiofarm_add_trainer_test(trainer_halves)
ratiofarm_add_trainer_test(trainer_inference)
ratiofarm_add_trainer_test(trainer_inference_mistakes)
ratiofarm_add_trainer_test(trainer_scores)
ratiofarm_add_trainer_test(trainer_classes)
ratiofarm_add_trainer_test(trainer_unfolding)
ratiofarm_add_trainer_test(trainer_process)
add_dependencies(test_trainer_process ratiofarm-trainer)
ratiofarm_add_trainer_test(trainer_gpu LABELS gpu)
set_tests_properties(trainer_gpu PROPERTIES SKIP_RETURN_CODE 77)

# Measures of a net need no torch.
function(ratiofarm_add_quality_test name)
    ratiofarm_add_test(${name} SOURCES workers/${name}_test.cpp
                       USES ratiofarm::net_quality ratiofarm::simulation)
endfunction()

ratiofarm_add_quality_test(held_out_gain)
ratiofarm_add_quality_test(net_quality)
ratiofarm_add_quality_test(class_quality)
ratiofarm_add_quality_test(calibration)
