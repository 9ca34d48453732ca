global using NexusD.Peering;
global using Xunit;
