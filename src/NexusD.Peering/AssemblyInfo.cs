using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NexusD.Peering.Tests")]
[assembly: InternalsVisibleTo("NexusD.Simulation.Tests")]
[assembly: InternalsVisibleTo("NexusD.VirtualMesh")]
[assembly: InternalsVisibleTo("NexusD.Microbenchmarks")]
