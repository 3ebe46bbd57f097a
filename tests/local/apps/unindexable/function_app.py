import azure.functions as func

app = func.FunctionApp()


@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def wrong(tick: func.TimerRequest) -> None:
    """Declare a parameter that no binding fills."""
