#include <hdf5.h>

// MPI_Barrier(comm) in a comment or in "MPI_Barrier(" is no call
void wait(MPI_Comm comm) { MPI_Barrier(comm); }
