global using NexusD.Peering;
global using NexusD.VirtualMesh;
global using Xunit;
