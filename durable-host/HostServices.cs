using Microsoft.Azure.WebJobs;
using Microsoft.Azure.WebJobs.Host.Config;

namespace DurableHost;

/// <summary>Limits the host to these types: it would search every assembly otherwise.</summary>
internal sealed class FixedTypeLocator(params Type[] types) : ITypeLocator
{
    public IReadOnlyList<Type> GetTypes() => types;
}

/// <summary>Gives the extension the address of its management API.</summary>
internal sealed class FixedWebHookProvider(Uri address) : IWebHookProvider
{
    public Uri GetUrl(IExtensionConfigProvider extension) => address;
}
