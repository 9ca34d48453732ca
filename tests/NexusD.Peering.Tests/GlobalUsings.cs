global using NexusD.VirtualMesh;
global using Xunit;
