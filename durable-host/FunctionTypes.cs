using System.Reflection;
using System.Reflection.Emit;
using System.Text.Json;
using Microsoft.Azure.WebJobs;
using Microsoft.Azure.WebJobs.Extensions.DurableTask;

namespace DurableHost;

/// <summary>Emits one static method for each durable function of the app, as the script host does for any worker.</summary>
public static class FunctionTypes
{
    /// <param name="index">A JSON array of {name, trigger, triggerName, durableName?, clients: [name]}.</param>
    public static Type Emit(JsonElement index)
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Functions"), AssemblyBuilderAccess.Run);
        var type = assembly.DefineDynamicModule("Functions").DefineType("Functions", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        foreach (var function in index.EnumerateArray())
        {
            Emit(type, function);
        }
        return type.CreateType();
    }

    private static void Emit(TypeBuilder type, JsonElement function)
    {
        var name = function.GetProperty("name").GetString()!;
        var parameters = new List<(string Name, CustomAttributeBuilder Attribute)> { (function.GetProperty("triggerName").GetString()!, Trigger(function)) };
        parameters.AddRange(function.GetProperty("clients").EnumerateArray().Select(client => (client.GetString()!, With<DurableClientAttribute>(("DurableRequiresGrpc", true)))));
        var method = type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, typeof(Task<object>), parameters.Select(_ => typeof(string)).ToArray());
        method.SetCustomAttribute(new CustomAttributeBuilder(typeof(FunctionNameAttribute).GetConstructor([typeof(string)])!, [name]));
        for (var position = 0; position < parameters.Count; position++)
        {
            method.DefineParameter(position + 1, ParameterAttributes.None, parameters[position].Name).SetCustomAttribute(parameters[position].Attribute);
        }
        // The body is: return Bridge.RunAsync(trigger, name, new[] { "ctx", ctx, "client", client });
        var il = method.GetILGenerator();
        il.Emit(OpCodes.Ldstr, function.GetProperty("trigger").GetString()!);
        il.Emit(OpCodes.Ldstr, name);
        il.Emit(OpCodes.Ldc_I4, parameters.Count * 2);
        il.Emit(OpCodes.Newarr, typeof(string));
        for (var position = 0; position < parameters.Count; position++)
        {
            il.Emit(OpCodes.Dup);
            il.Emit(OpCodes.Ldc_I4, position * 2);
            il.Emit(OpCodes.Ldstr, parameters[position].Name);
            il.Emit(OpCodes.Stelem_Ref);
            il.Emit(OpCodes.Dup);
            il.Emit(OpCodes.Ldc_I4, position * 2 + 1);
            il.Emit(OpCodes.Ldarg, position);
            il.Emit(OpCodes.Stelem_Ref);
        }
        il.Emit(OpCodes.Call, typeof(Bridge).GetMethod(nameof(Bridge.RunAsync))!);
        il.Emit(OpCodes.Ret);
    }

    private static CustomAttributeBuilder Trigger(JsonElement function)
    {
        var durableName = function.TryGetProperty("durableName", out var found) ? found.GetString() : null;
        return function.GetProperty("trigger").GetString() switch
        {
            "orchestrationTrigger" => With<OrchestrationTriggerAttribute>(("Orchestration", durableName), ("DurableRequiresGrpc", true)),
            "activityTrigger" => With<ActivityTriggerAttribute>(("Activity", durableName), ("DurableRequiresGrpc", true)),
            "entityTrigger" => With<EntityTriggerAttribute>(("EntityName", durableName), ("DurableRequiresGrpc", true)),
            var other => throw new ArgumentException($"{other} is no durable trigger"),
        };
    }

    private static CustomAttributeBuilder With<T>(params (string Name, object? Value)[] values)
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        var set = values.Where(value => value.Value is not null)
            .Select(value => (Property: typeof(T).GetProperty(value.Name, All) ?? throw new MissingMemberException(typeof(T).Name, value.Name), Value: value.Value!)).ToArray();
        return new CustomAttributeBuilder(typeof(T).GetConstructor(Type.EmptyTypes)!, [], set.Select(each => each.Property).ToArray(), set.Select(each => each.Value).ToArray());
    }
}
