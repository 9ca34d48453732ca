using System.Runtime.CompilerServices;

// Every native call here passes blittable values only; saying so keeps the stubs trivial.
[assembly: DisableRuntimeMarshalling]
[assembly: InternalsVisibleTo("NexusD.Quic.Tests")]
