using Microsoft.Azure.WebJobs;
using Microsoft.Azure.WebJobs.Extensions.DurableTask;

namespace DurableHost;

/// <summary>Declares the functions that belong to this program and not to the app.</summary>
public static class HostFunctions
{
    public static string? Client { get; private set; }

    /// <summary>Stores the text that a durable client binding passes to a worker.</summary>
    [NoAutomaticTrigger]
    public static Task ClientJson([DurableClient] string client)
    {
        Client = client;
        return Task.CompletedTask;
    }
}
